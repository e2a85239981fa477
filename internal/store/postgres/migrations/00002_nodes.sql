-- +goose Up

-- What one process at a time does for all, such as telling webhooks.
CREATE TABLE duties (
    name   text PRIMARY KEY,
    holder text NOT NULL,
    until  bigint NOT NULL
);

-- The part of each lane's limits that each process may use.
CREATE TABLE lane_shares (
    lane   text NOT NULL,
    node   text NOT NULL,
    demand double precision NOT NULL, -- tokens a second
    share  double precision NOT NULL, -- from 0 to 1
    until  bigint NOT NULL,
    PRIMARY KEY (lane, node)
);
