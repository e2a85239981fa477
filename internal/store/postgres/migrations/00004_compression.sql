-- +goose Up

-- Texts are compressed in a fraction of the time, where the server was built with lz4.
-- +goose StatementBegin
DO $$ BEGIN
    ALTER TABLE generations ALTER COLUMN content SET COMPRESSION lz4;
    ALTER TABLE pieces ALTER COLUMN content SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;
-- +goose StatementEnd

-- Nothing makes vectors smaller.
ALTER TABLE vectors ALTER COLUMN vector SET STORAGE EXTERNAL;
ALTER TABLE cached_vectors ALTER COLUMN vector SET STORAGE EXTERNAL;
