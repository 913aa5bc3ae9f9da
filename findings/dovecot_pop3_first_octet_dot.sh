#!/usr/bin/env bash
# Dovecot 2.3.19's POP3 server does not stuff a dot that is the first octet of a message.
#
# One would guess: RETR stuffs every line that begins with a dot by one more (RFC 1939, section 3), the first
#   line of a message as any other. A header field may be called `.note` (RFC 5322, section 3.6.8).
# What happens: within a message a line that begins with a dot gets its second one, in the first line it does
#   not. A client that removes one dot of each such line, as it must, gets the field as `note`.
# Why it matters: what a client has fetched, and may delete on the server, is not what the server has. A program that
#   promises every octet has to compare sizes.
#
# Needs Debian 12's package archive (amd64). The server's own binary is started without a login, on a Maildir,
# with commands on its standard input: nothing listens on any port.
set -euo pipefail

version=1:2.3.19.1+dfsg1-2.1+deb12u7
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download -qq "dovecot-core=$version" "dovecot-pop3d=$version"
for package in *.deb; do dpkg -x "$package" root; done

mkdir -p mail/cur mail/new mail/tmp home run
printf '.note: the first octet is a dot\n\nbody\n' > mail/new/1.one
printf 'Subject: two\n\n.a line of the body\n' > mail/new/2.two
# The server refuses to be root; an owner without rights will do.
user=$(id -u)
if [ "$user" -eq 0 ]; then
    user=65534
    chown -R 65534:65534 mail home run
fi

libraries=$folder/root/usr/lib/dovecot
printf 'RETR 1\r\nRETR 2\r\nQUIT\r\n' |
    env -i DOVECONF_ENV=1 LD_LIBRARY_PATH="$libraries" HOME="$folder/home" USER=reader \
        MAIL="maildir:$folder/mail" MAIL_LOCATION="maildir:$folder/mail" \
        MAIL_UID="$user" MAIL_GID="$user" FIRST_VALID_UID=0 FIRST_VALID_GID=0 \
        BASE_DIR="$folder/run" LOG_PATH=/dev/stderr \
        timeout 20 "$libraries/pop3" -k 2>log.txt | tr -d '\r' > seen.txt
cat seen.txt
# The body's line comes with two dots, and the first line with one.
grep -q '^\.\.a line of the body$' seen.txt
grep -q '^\.note: the first octet is a dot$' seen.txt
echo "as described: Dovecot 2.3.19.1 stuffs a dot within a message and not the one that begins it"
