#!/usr/bin/env bash
# The CUDA program is there and linked to what it needs: torch's CUDA libraries, the CUDA runtime and NCCL,
# with nothing of ours left undefined. Where a GPU is, it is started too. Skipped (77) without a toolkit.
#   cuda_program.sh PROGRAM REASON      PROGRAM empty: there is none, for this REASON
set -euo pipefail
program=$1
if [[ -z $program ]]; then echo "skipped: $2"; exit 77; fi
[[ -x $program ]] || { echo "$program was not built"; exit 1; }
needed=$(readelf -d "$program" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
for library in libtorch_cuda.so libc10_cuda.so libcudart.so libnccl.so; do
  grep -q "^$library" <<<"$needed" || { echo "$program does not ask for $library; it asks for:"; echo "$needed"; exit 1; }
done
# Symbols of our own, of CUDA's runtime and of NCCL must come from somewhere.
undefined=$(nm -DC --undefined-only "$program")  # whole: a pipe that is closed early would fail here
ours=$(grep -E ' anneal::' <<<"$undefined" || true)
[[ -z $ours ]] || { echo "undefined: $ours"; exit 1; }
for call in ncclAllGather ncclReduceScatter ncclAllReduce cudaSetDevice; do
  grep -q "$call" <<<"$undefined" || { echo "$call is not called in $program"; exit 1; }
done
if command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; then
  "$program" check --device cuda
else
  echo "linked; not started: no GPU here"
fi
