#!/bin/sh
# Makes the certificates of the tests anew, in this folder.
set -e
cd "$(dirname "$0")"
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$1.key"; }
# authority FILE: signs itself
authority() { key "$1"; openssl req -x509 -key "$1.key" -out "$1.crt" -days 36500 -subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign; }
# leaf FILE NAMES AUTHORITY NOT_BEFORE NOT_AFTER
leaf() {
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
  : > index.txt
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nrand_serial=yes\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nx509_extensions=x\nunique_subject=no\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2" > ca.cnf
  openssl ca -batch -config ca.cnf -cert "$3.crt" -keyfile "$3.key" -in "$1.csr" -out "$1.crt" -notext -startdate "$4" -enddate "$5"
  rm -f "$1.csr" ca.cnf index.txt* [0-9A-F][0-9A-F][0-9A-F]*.pem
}
authority authority
authority other-authority
leaf backend DNS:backend.test,DNS:localhost,IP:127.0.0.1 authority 20250101000000Z 21250101000000Z
leaf elsewhere DNS:elsewhere.test authority 20250101000000Z 21250101000000Z
leaf expired DNS:backend.test,IP:127.0.0.1 authority 20240101000000Z 20250101000000Z
leaf client DNS:client.test authority 20250101000000Z 21250101000000Z
key selfsigned
openssl req -x509 -key selfsigned.key -out selfsigned.crt -days 36500 -subj /CN=backend.test -addext subjectAltName=DNS:backend.test,IP:127.0.0.1
rm -f authority.key other-authority.key
