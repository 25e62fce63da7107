#!/bin/sh
# One common base, then one image for each cloud, each a build of its own.
#
#     sh pipeline.sh VERSION
set -eu

step() { # BUILD STATE FILE COMMAND: make a file, or leave it out if it is done
    bldst run "$1" --state "$2" --artifact "$3" -- sh -c "mkdir -p out; $4"
}

BASE=$(bldst build create --quiet --project rhel-common --version "$1")
step "$BASE" 10 out/base.img 'echo base > out/base.img'
step "$BASE" 25 out/hard.img 'cat out/base.img > out/hard.img; echo hardened >> out/hard.img'
step "$BASE" 40 out/net.img 'cat out/hard.img > out/net.img; echo network >> out/net.img'

for CLOUD in azure aws; do
    ID=$(bldst build derive "$BASE" --from-state 40 --project "rhel-$CLOUD" --platform "$CLOUD" --quiet)
    step "$ID" 60 "out/$CLOUD.img" "cat out/net.img > out/$CLOUD.img; echo agent of $CLOUD >> out/$CLOUD.img"
    step "$ID" 100 "out/$CLOUD.json" "echo '{\"image\": \"$CLOUD-$1\"}' > out/$CLOUD.json"
done
