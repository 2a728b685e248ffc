#!/usr/bin/env bash
# One search on several nodes of a Slurm cluster: sbatch docs/cluster/slurm.sh --dataset celeba --method mfd --trials 60
#
# The environment lies on a shared disk, made once on a login node with `make setup setup-cluster`; run this from its folder.
# FAIRTUNE_STUDY=postgresql://... keeps the study off the shared disk, where SQLite can be damaged; `export` it before sbatch.
#SBATCH --job-name=fairtune
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# Two minutes before the end fairtune is told, keeps its checkpoints, and the job goes back into the queue.
#SBATCH --signal=B:TERM@120
set -euo pipefail

source .venv/bin/activate
name=${FAIRTUNE_NAME:-slurm-$SLURM_JOB_ID} # a job that was put back into the queue keeps its number
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 20000))

# Whoever reaches Ray runs code as you: this job's processes alone know the token.
RAY_AUTH_TOKEN=$(python3 -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
export RAY_TMPDIR=/tmp
# A node whose processes have died is known to be lost within 5 seconds, one that is silent within 25.
export RAY_health_check_period_ms=1000 RAY_health_check_timeout_ms=4000

node() { srun --export=ALL --nodes=1 --ntasks=1 --nodelist="$1" "${@:2}"; }

node "$head" ray start --head --block --port="$port" --num-cpus="$SLURM_CPUS_PER_TASK" --dashboard-host=127.0.0.1 &
for other in $(scontrol show hostnames "$SLURM_JOB_NODELIST" | tail -n +2); do
  node "$other" ray start --block --address="$head:$port" --num-cpus="$SLURM_CPUS_PER_TASK" &
done

fairtune search --address "$head:$port" --name "$name" --runs runs --gpus-per-trial 0.5 "$@" &
search=$!
trap 'kill -TERM "$search"' TERM
status=0
# The first wait ends with the signal, the second with the search.
wait "$search" || status=$?
wait "$search" || status=$?
kill $(jobs -p) 2>/dev/null || true
# So ends a search that was told to stop; it goes on under its name.
if [ "$status" -eq 130 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$status"
