# launch/slurm.sbatch without a Slurm: the environment that Slurm gives, and a scontrol that writes down what it
# is asked. SIGUSR1 before the time limit: saved, exit code 6, back into the queue; the next start ends the run.
source tests/launch/lib.sh "$1"
make_small_stage
mkdir -p "$work/bin"
cat >"$work/bin/scontrol" <<S
#!/usr/bin/env bash
echo "\$*" >>"$work/scontrol"
S
chmod +x "$work/bin/scontrol"
export PATH=$work/bin:$PATH ANNEAL_PROGRAM=$anneal ANNEAL_LAUNCHER="mpirun --oversubscribe --bind-to none -n 2"
export SLURM_SUBMIT_DIR=$root SLURM_JOB_ID=4711 SLURM_NTASKS=2 SLURM_CPUS_PER_TASK=1
settings=("$work/stage.yaml" --set run.dir="$work/run" --set train.optimizer.schedule=constant --set train.optimizer.warmup_steps=4)
cp launch/slurm.sbatch "$work/slurm_script"  # Slurm runs a copy from its spool
(cd / && exec bash "$work/slurm_script" "${settings[@]}" --set train.steps=100000) >"$work/log" 2>&1 &
job=$!
for _ in $(seq 1200); do grep -q '"step":4,' "$work/run/metrics.jsonl" 2>/dev/null && break; sleep 0.05; done
kill -USR1 $job
wait $job
code=$?
((code == 6)) || { fail "exit code $code instead of 6"; cat "$work/log"; }
[[ $(cat "$work/scontrol" 2>/dev/null) == "requeue 4711" ]] || { fail "not back in the queue"; cat "$work/log"; }
at=$(ls "$work/run/checkpoints" | tail -n 1 | sed 's/step_0*//')
export SLURM_RESTART_COUNT=1
check "the next start" bash "$work/slurm_script" "${settings[@]}" --set train.steps=$((at + 5))
grep -q "resuming at step $at of" "$work/out" && [[ -e $work/run/model/config.json ]] || { fail "it did not go on"; cat "$work/out"; }
[[ $(wc -l <"$work/scontrol") == 1 ]] || fail "a finished job was queued again"
(cd "$work" && SLURM_SUBMIT_DIR=$work ANNEAL_PROGRAM=nowhere bash "$work/slurm_script" run x.yaml) >"$work/out" 2>&1
(($? == 2)) && grep -q "call sbatch from the project's folder" "$work/out" || fail "a wrong folder is not told"
finish
