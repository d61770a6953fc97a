"""The job that a process belongs to, by the variables of who started it: its id, and what names it over its restarts.

  SkyPilot   SKYPILOT_TASK_ID, the same on all nodes and after a recovery on other ones
  SageMaker  TRAINING_JOB_NAME, the same where a spot instance is taken away and another given
  Slurm      SLURM_JOB_ID, of an array SLURM_ARRAY_JOB_ID with SLURM_ARRAY_TASK_ID; the same after a requeue
  Flux, PBS, LSF
  JobSet     JOBSET_UID, where the pod's specification projects it (docs/clusters.md)
  torchrun   TORCHELASTIC_RUN_ID, unless it is "none"

The outermost counts: what starts the others anew. All ranks are told the same, so that no rank needs to ask another.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_JOB_IN_PREFIX: Final = re.compile(r"\{\{job\}\}|\{job\}")


class Job(NamedTuple):
    """`id` is this attempt's, `name` that of all attempts, on the cluster where there may be others."""

    launcher: str
    id: str
    name: str
    cluster: str | None = None

    @property
    def resume_key(self) -> str:
        parts = (self.launcher, self.cluster, self.name)
        return ":".join(part for part in parts if part is not None)


def job_of(environment: Mapping[str, str]) -> Job | None:
    """None: no launcher that is known names one."""
    for launcher, variable in (("skypilot", "SKYPILOT_TASK_ID"), ("sagemaker", "TRAINING_JOB_NAME")):
        if job := environment.get(variable):
            return Job(launcher, job, job)
    if slurm := environment.get("SLURM_JOB_ID"):
        return _of_slurm(environment, slurm)
    for launcher, variable in (("flux", "FLUX_JOB_ID"), ("pbs", "PBS_JOBID"), ("jobset", "JOBSET_UID")):
        if job := environment.get(variable):
            return Job(launcher, job, job)
    if job := environment.get("LSB_JOBID"):
        index = environment.get("LSB_JOBINDEX", "0")  # all elements of an array have one id; 0 where there is no array
        return Job("lsf", job, job if index in ("", "0") else f"{job}_{index}")
    run = environment.get("TORCHELASTIC_RUN_ID", "none")
    return None if run == "none" else Job("torchrun", run, run)


def with_job(prefix: str, environment: Mapping[str, str]) -> str:
    """`{job}` becomes the job's name over its restarts, with `-` for each slash in it; `{{job}}` is the text `{job}`.

    Raises ValueError where a job is asked for and there is none.
    """

    def fill(found: re.Match[str]) -> str:
        if found[0] == "{{job}}":
            return "{job}"
        job = job_of(environment)
        if job is None:
            raise ValueError(
                f"prefix {prefix!r} names the job, and this process is in none that is known: start it with SkyPilot, "
                "SageMaker, Slurm, Flux, PBS, LSF, JobSet or torchrun --rdzv-id, or write a name for {job}; "
                "{{job}} is the text itself"
            )
        return job.name.replace("/", "-")

    return _JOB_IN_PREFIX.sub(fill, prefix)


def without_job(prefix: str) -> str:
    """The text of which `with_job` makes this prefix, whatever the job."""
    return prefix.replace("{job}", "{{job}}")


def _of_slurm(environment: Mapping[str, str], job: str) -> Job:
    """The last task of an array has the array's own id, so the id alone would be taken for another job's."""
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    name = f"{array}_{task}" if array and task else job
    return Job("slurm", job, name, environment.get("SLURM_CLUSTER_NAME", ""))
