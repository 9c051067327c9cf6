"""`make demo`: start Batchite, deploy the local stack, run the sample workload, fetch its outputs, print the report.

Arguments are passed on to `batchite start` when none runs yet.
"""

import sys
from collections.abc import Mapping, Sequence

from tools import local_stack
from tools.console import INTERRUPTED, ROOT, CommandError, explain, run, say, turn

WORKLOAD = "workloads/solar/workload.yaml"
TIME_SCALE = (
    "--time-scale",
    "60",
)  # A minute of the service's own waiting takes a second; tasks run at their own pace.
JOBS = (str(ROOT / ".venv" / "bin" / "python"), "-m", "jobs")


def demo(options: Sequence[str]) -> int:
    """The whole demo; the exit code of the first part that does not succeed."""
    if local_stack.is_running():
        say("Batchite is running")
    else:
        say("starting Batchite, the local Azure Batch")
        local_stack.start_batchite([*TIME_SCALE, *options])
    env = local_stack.environment()
    say("deploying the stack `local` with the real Pulumi engine, under the policy pack")
    local_stack.prepare(env)
    if code := local_stack.deploy(env):
        raise CommandError("the deployment did not succeed", "see the lines above, then `make demo` again", code)
    return work(env)


def work(env: Mapping[str, str]) -> int:
    """Submit the sample workload, follow it to its end, download what it made, print the report."""
    target = ("--outputs", str(local_stack.save_outputs(env)))
    for title, command in (
        (f"submitting {WORKLOAD} and following it", ("submit", WORKLOAD, "--follow", "--yes", *target)),
        ("fetching the outputs", ("outputs",)),
        ("the report", ("report",)),
    ):
        say(title)
        if code := run([*JOBS, *command], env):
            return code
    say("done; `make down` takes everything down again")
    return 0


def main() -> int:
    """Run the demo alone in this folder; Ctrl-C leaves everything as it is and says how to go on."""
    try:
        with turn():
            code = demo(sys.argv[1:])
    except CommandError as error:
        return explain(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        say("stopped here; Batchite still runs: `make demo` goes on, `make down` takes everything down")
    return code


if __name__ == "__main__":
    sys.exit(main())
