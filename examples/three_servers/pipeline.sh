#!/bin/sh
# One image in five states. Every server runs this same script, whatever was done before and where.
#
#     sh pipeline.sh VERSION
set -eu

ID=$(bldst build create --quiet --project rhel-base --platform private --version "$1")

bldst run "$ID" --state 10 --artifact out/base.img -- \
    sh -c 'mkdir -p out && echo "base, made on $BLDST_WORKER" > out/base.img'

bldst run "$ID" --state 25 --artifact out/hard.img -- \
    sh -c 'cat out/base.img > out/hard.img && echo hardened >> out/hard.img'

# A step: it changes the image in place and leaves nothing of its own.
bldst run "$ID" --state 30 -- \
    sh -c 'echo monitoring >> out/hard.img'

bldst run "$ID" --state 50 --artifact out/app.img -- \
    sh -c 'eval "${BEFORE_50:-true}" && cat out/hard.img > out/app.img && echo app >> out/app.img'

bldst run "$ID" --state 100 --kind effect -- \
    sh -c 'cp out/app.img "${SHELF:-.}/published.img"'
