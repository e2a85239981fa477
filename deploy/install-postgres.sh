#!/usr/bin/env bash
# Installs PostgreSQL and its extension pgvector on Debian, from Debian's packages
# alone. It does nothing where both are installed, and starts no server.
#
# Debian 12 has no package of pgvector. Its source is taken from Debian 13 then and
# compiled, with the compiler alone: the package for building extensions would bring
# 600 MB of LLVM. The machine's own list of packages stays as it is.
set -euo pipefail

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
install() { as_root apt-get install -y -qq --no-install-recommends "$@"; }
newest() { ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | cut -d/ -f5 | sort -n | tail -1; }
there() { v=$(newest) && [ -n "$v" ] && [ -e "/usr/share/postgresql/$v/extension/vector.control" ]; }

there && exit 0
as_root apt-get update -qq
[ -n "$(newest)" ] || install postgresql
version=$(newest)
if [ -n "$(apt-cache search --names-only "^postgresql-$version-pgvector\$")" ]; then
	install "postgresql-$version-pgvector"
	exit 0
fi

command -v gcc >/dev/null || install gcc libc6-dev
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir"

# The headers, beside the machine's own.
apt-get download -qq "postgresql-server-dev-$version" libpq-dev 2>/dev/null
for package in *.deb; do dpkg -x "$package" headers; done

# The source, by a list of packages of its own; apt checks its signature.
mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
	sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([a-z+]+:[^ ]+\/debian\/?)( .*)?$/\3/p' | head -1)
printf 'Types: deb-src\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: %s\n' \
	"${mirror:?no Debian mirror in the list of packages}" /usr/share/keyrings/debian-archive-keyring.gpg >trixie.sources
mkdir -p lists/partial cache
apt="-o Dir::Etc::SourceList=$dir/trixie.sources -o Dir::Etc::SourceParts=- -o Dir::State::Lists=$dir/lists -o Dir::Cache=$dir/cache"
as_root apt-get $apt update -qq
as_root apt-get $apt source -qq --download-only pgvector >/dev/null
tar xzf pgvector_*.orig.tar.gz
cd pgvector-*/

# For any processor, as distributions build it.
compile=(gcc -O2 -fPIC -ftree-vectorize -fassociative-math -fno-signed-zeros -fno-trapping-math -D_GNU_SOURCE
	-I"$dir/headers/usr/include/postgresql/$version/server" -I"$dir/headers/usr/include/postgresql")
(cd src && printf '%s\n' *.c | xargs -n 1 -P "$(nproc)" "${compile[@]}" -c)
gcc -shared -o vector.so src/*.o -lm
number=$(sed -nE "s/^default_version = '(.*)'/\1/p" vector.control)
cp sql/vector.sql "sql/vector--$number.sql"
as_root cp vector.so "/usr/lib/postgresql/$version/lib/"
as_root cp sql/vector--*.sql vector.control "/usr/share/postgresql/$version/extension/"
