# kill -9 of a random rank (or of the process over it) at random moments, every second time while a checkpoint
# is being written; launch/resume starts the ranks again until the run is done. The final weights must equal
# an undisturbed run's bit for bit, and no process and no temporary file may be left.
#   bash tests/launch/torture.sh build/anneal [KILLS=4] [RANKS=2] [SEED]       (run from the project's folder)
source tests/launch/lib.sh "$1"
wanted=${2:-4} ranks=${3:-2} RANDOM=${4:-$((seed = RANDOM))}
echo "seed ${4:-$seed}"
make_small_stage
# Five megabytes a checkpoint, one every second step: most of the time one is being written.
settings=(--set train.steps=$((wanted * 30 + 30)) --set train.checkpoint_every=2 --set train.optimizer.schedule=constant
          --set model.dim=128 --set model.ffn_dim=256)
check "undisturbed run" mpi "$ranks" "$anneal" -q train "$work/stage.yaml" --set run.dir="$work/calm" "${settings[@]}"

run=$work/torn
export ANNEAL_RETRIES=1000 ANNEAL_BACKOFF_S=0 OMPI_MCA_rmaps_base_oversubscribe=1
start=$SECONDS
launch/resume mpirun --oversubscribe --bind-to none -n "$ranks" "$anneal" -q train "$work/stage.yaml" --set run.dir="$run" "${settings[@]}" >"$work/log" 2>&1 &
job=$!
processes() { pgrep -f "run.dir=$run" | while read -r p; do [[ $(cat "/proc/$p/comm" 2>/dev/null) == anneal ]] && echo "$p"; done; }
saving() { local d; for d in "$run"/checkpoints/step_*; do [[ -d $d && ! -e $d/manifest.json ]] && return 0; done; return 1; }
steps_done() { local n; n=$(grep -c '"loss"' "$run/metrics.jsonl" 2>/dev/null); echo "${n:-0}"; }
kills=0 in_save=0 supervisors=0 starting=0
while ((kills < wanted)) && kill -0 "$job" 2>/dev/null; do
  mapfile -t alive < <(processes)
  if ((${#alive[@]} < 2 * ranks)); then sleep 0.05; continue; fi
  # One in five falls in the start of the program; the others let it come a few steps further first.
  before=$(steps_done)
  if ((RANDOM % 5)); then
    for _ in $(seq 400); do (($(steps_done) > before + 2)) && break; kill -0 "$job" 2>/dev/null || break; sleep 0.02; done
  else
    starting=$((starting + 1))
  fi
  sleep "0.$(printf %03d $((RANDOM % 400)))"
  if ((kills % 2)); then for _ in $(seq 300); do saving && break; sleep 0.003; done; fi
  victim=${alive[RANDOM % ${#alive[@]}]}
  during=0; saving && during=1
  over=0; [[ $(cat "/proc/$(awk '{print $4}' "/proc/$victim/stat" 2>/dev/null)/comm" 2>/dev/null) == anneal ]] || over=1
  kill -9 "$victim" 2>/dev/null || continue
  kills=$((kills + 1)) in_save=$((in_save + during)) supervisors=$((supervisors + over))
  for _ in $(seq 200); do kill -0 "$victim" 2>/dev/null || break; sleep 0.02; done
  # The next victim is one of the next start.
  for _ in $(seq 400); do mapfile -t now < <(processes); [[ " ${now[*]} " == *" ${alive[0]} "* ]] || break; sleep 0.02; done
done
wait "$job"
code=$?
((code == 0)) || { fail "launch/resume ended with $code"; tail -n 20 "$work/log"; }
((kills == wanted)) || fail "$kills kills of $wanted: the run was over before"
starts=$(grep -c '^resume: exit code' "$work/log")
echo "$kills kills ($in_save while a checkpoint was being written, $supervisors of the process over a rank, $starting at the start), $((starts + 1)) starts, $((SECONDS - start)) s"
cmp "$work/calm/model/model.safetensors" "$run/model/model.safetensors" || fail "weights differ from the undisturbed run's"
diff <(losses "$work/calm/metrics.jsonl") <(losses "$run/metrics.jsonl") >/dev/null || fail "losses differ from the undisturbed run's"
left=$(find "$run" -name '*.tmp*')
[[ -z $left ]] || fail "temporary files are left: $left"
for d in "$run"/checkpoints/step_*; do [[ -e $d/manifest.json ]] || fail "$d is left unfinished"; done
sleep 0.5
[[ -z $(processes) ]] || fail "processes are left: $(processes)"
[[ -z $(pgrep -f "run.dir=$run") ]] || fail "something is left: $(pgrep -af "run.dir=$run")"
finish
