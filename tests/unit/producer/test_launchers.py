"""Where a process stands in its job, by the variables that launchers really set (of Slurm: by its documentation)."""

from types import SimpleNamespace
from typing import Any

import pytest

from mldash.session.launchers import Placement, place

TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "GROUP_RANK": "1", "ROLE_RANK": "5",
    "ROLE_WORLD_SIZE": "8", "MASTER_ADDR": "n0", "MASTER_PORT": "29500", "TORCHELASTIC_RESTART_COUNT": "0",
    "TORCHELASTIC_MAX_RESTARTS": "3", "TORCHELASTIC_RUN_ID": "job-7",
}  # fmt: skip
KUBEFLOW = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "m", "MASTER_PORT": "23456", "PET_NNODES": "2"}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "OMPI_COMM_WORLD_NODE_RANK": "1", "PMIX_RANK": "3", "PMIX_NAMESPACE": "prte@1",
}  # fmt: skip
HYDRA = {"PMI_RANK": "2", "PMI_SIZE": "4", "PMI_FD": "9", "MPI_LOCALNRANKS": "4", "MPI_LOCALRANKID": "2"}
INTEL_MPI = {**HYDRA, "I_MPI_HYDRA_HOST_FILE": "hosts", "HYDI_CONTROL_FD": "8"}
MVAPICH = {"MV2_COMM_WORLD_RANK": "1", "MV2_COMM_WORLD_SIZE": "2", "MV2_COMM_WORLD_LOCAL_RANK": "0", "PMI_RANK": "1"}
JSM = {"JSM_NAMESPACE_RANK": "6", "JSM_NAMESPACE_SIZE": "12", "JSM_NAMESPACE_LOCAL_RANK": "0", "PMIX_RANK": "6"}
PALS = {"PALS_RANKID": "9", "PALS_NODEID": "2", "PALS_LOCAL_RANKID": "1", "PMI_RANK": "9", "PMI_SIZE": "16"}
FLUX = {"FLUX_JOB_ID": "f2x", "FLUX_JOB_SIZE": "4", "FLUX_TASK_RANK": "3", "FLUX_TASK_LOCAL_ID": "1"}
BATCH = {
    "SLURM_JOB_ID": "77", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NTASKS": "8",
    "SLURM_NPROCS": "8", "SLURM_JOB_NUM_NODES": "2", "SLURMD_NODENAME": "n1", "SLURM_CLUSTER_NAME": "big",
}  # fmt: skip
STEP = {
    **BATCH, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1", "SLURMD_NODENAME": "n2",
}  # fmt: skip
DAEMON = {**STEP, "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1", "SLURM_LOCALID": "0"}
"""What every rank that mpirun starts on the second node of an allocation inherits of mpirun's daemon there."""
SKYPILOT = {
    "SKYPILOT_NODE_RANK": "1", "SKYPILOT_NUM_NODES": "2", "SKYPILOT_NODE_IPS": "10.0.0.1\n10.0.0.2",
    "SKYPILOT_NUM_GPUS_PER_NODE": "8", "SKYPILOT_TASK_ID": "sky-managed-2026-11-01-10-00-00-123456_train_7-0",
}  # fmt: skip
SAGEMAKER = {
    "SM_HOSTS": '["algo-1", "algo-2", "algo-3"]', "SM_CURRENT_HOST": "algo-2", "SM_NUM_GPUS": "8",
    "TRAINING_JOB_NAME": "digits-2026-11-01",
}  # fmt: skip
MODEL_TRAINER = {**SAGEMAKER, "SM_CURRENT_HOST": "algo-3", "SM_CURRENT_HOST_RANK": "2", "SM_HOST_COUNT": "3"}
INDEXED_JOB = {"JOB_COMPLETION_INDEX": "3", "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
JOBSET = {
    **INDEXED_JOB, "JOB_COMPLETIONS": "4", "JOBSET_JOB_GLOBAL_INDEX": "1", "JOBSET_GLOBAL_REPLICAS": "2",
    "JOBSET_UID": "5b1e", "JOBSET_RESTART_ATTEMPT": "2",
}  # fmt: skip
JAX = SimpleNamespace(global_state=SimpleNamespace(process_id=2, num_processes=4))
RAY = SimpleNamespace(
    get_context=lambda: SimpleNamespace(
        get_world_rank=lambda: 3, get_world_size=lambda: 4, get_local_rank=lambda: 1, get_node_rank=lambda: 1
    )
)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (None, None, None, None)),
        (TORCHRUN, (5, 8, 1, 1)),
        (KUBEFLOW, (1, 2, None, None)),
        (OPEN_MPI, (3, 4, 1, None)),
        (HYDRA, (2, 4, 2, None)),
        (INTEL_MPI, (2, 4, 2, None)),
        (MVAPICH, (1, 2, 0, None)),
        (JSM, (6, 12, 0, None)),
        (PALS, (9, 16, 1, 2)),
        (FLUX, (3, 4, 1, None)),
        (STEP, (5, 8, 1, 1)),
        (BATCH, (None, None, None, None)),
        ({**BATCH, "SLURM_STEP_ID": "4294967291", "SLURM_STEP_NUM_TASKS": "1"}, (None, None, None, None)),
        ({**DAEMON, **OPEN_MPI}, (3, 4, 1, None)),
        ({**DAEMON, **HYDRA}, (2, 4, 2, None)),
        ({**STEP, **TORCHRUN}, (5, 8, 1, 1)),
        ({**STEP, "RANK": "3"}, (5, 8, 1, 1)),
        (SKYPILOT, (1, 2, None, 1)),
        ({**SKYPILOT, **TORCHRUN}, (5, 8, 1, 1)),
        (SAGEMAKER, (1, 3, None, 1)),
        (MODEL_TRAINER, (2, 3, None, 2)),
        ({**SAGEMAKER, "SM_HOSTS": "algo-2"}, (None, None, None, None)),
        ({**SAGEMAKER, **OPEN_MPI}, (3, 4, 1, None)),
        (INDEXED_JOB, (3, None, None, 3)),
        ({**INDEXED_JOB, "JOB_COMPLETIONS": "4"}, (3, 4, None, 3)),
        ({**INDEXED_JOB, "JOB_COMPLETIONS": "3"}, (None, None, None, None)),
        (JOBSET, (7, 8, None, 7)),
        ({**JOBSET, **TORCHRUN}, (5, 8, 1, 1)),
        ({**JOBSET, **KUBEFLOW}, (1, 2, None, None)),
        ({"RANK": "3"}, (3, None, None, None)),
        ({"PMIX_RANK": "3"}, (3, None, None, None)),
        ({"RANK": "3", "PMI_SIZE": "8"}, (3, None, None, None)),
        ({"RANK": "8", "WORLD_SIZE": "8", **FLUX}, (3, 4, 1, None)),
        ({"RANK": "-1", "WORLD_SIZE": "²"}, (None, None, None, None)),
    ],
)
def test_rank_and_world_size_are_those_of_one_launcher(environment: dict[str, str], expected: tuple[Any, ...]) -> None:
    found = place(environment, {})
    assert (found.rank, found.world_size, found.local_rank, found.node_rank) == expected


def test_contexts_are_asked_where_they_are_loaded_and_behind_variables() -> None:
    """Ray Train sets its variables only when training starts; JAX sets none."""
    assert place({}, {"jax._src.distributed": JAX}).rank == 2
    ray = place(BATCH, {"ray.train": RAY})
    assert (ray.rank, ray.world_size, ray.local_rank, ray.node_rank, ray.launchers) == (3, 4, 1, 1, ["ray"])
    assert place(TORCHRUN, {"ray.train": RAY}).launchers == ["torchrun", "ray"]


@pytest.mark.parametrize(
    "loaded",
    [
        {"ray.train": SimpleNamespace()},
        {"ray.train": None},
        {"jax._src.distributed": SimpleNamespace(global_state=SimpleNamespace(process_id=None, num_processes=None))},
    ],
)
def test_a_context_outside_of_a_job_says_nothing(loaded: dict[str, Any]) -> None:
    assert place({}, loaded) == Placement()


def test_the_setting_goes_before_every_launcher_and_takes_no_world_of_another_rank() -> None:
    assert place(TORCHRUN, {}, rank=5) == place(TORCHRUN, {})
    other = place(TORCHRUN, {}, rank=2)
    assert (other.rank, other.world_size, other.local_rank) == (2, None, None)


def test_what_a_launcher_says_of_the_job_is_recorded() -> None:
    array = {**STEP, "SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": "4", "SLURM_RESTART_COUNT": "2"}
    assert place(array, {}) == Placement(
        rank=5, world_size=8, local_rank=1, node_rank=1, node="n2", launchers=["slurm"], job_id="77", array_index=4,
        step="0", restart_count=2, resume_key="slurm:big:70_4",
    )  # fmt: skip
    assert place({**TORCHRUN, **BATCH}, {}).restart_count == 0


def test_launchers_nest_and_all_are_recorded() -> None:
    assert place({**SKYPILOT, **STEP, **TORCHRUN}, {"ray.train": RAY}).launchers == [
        "torchrun", "slurm", "ray", "skypilot",
    ]  # fmt: skip
    assert place({**JOBSET, **OPEN_MPI}, {}).launchers == ["openmpi", "jobset", "pmix"]
    assert place({**MODEL_TRAINER, **TORCHRUN}, {}).launchers == ["torchrun", "sagemaker"]


def test_a_job_keeps_its_resume_key_over_restarts_and_other_hosts() -> None:
    again = {**STEP, "SLURMD_NODENAME": "n9", "SLURM_RESTART_COUNT": "1"}
    assert place(STEP, {}).resume_key == place(again, {}).resume_key == "slurm:big:77"
    assert place(TORCHRUN, {}).resume_key == "torchrun:job-7"
    assert place({**TORCHRUN, "TORCHELASTIC_RUN_ID": "none"}, {}).resume_key == ""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (SKYPILOT, "skypilot:sky-managed-2026-11-01-10-00-00-123456_train_7-0"),
        (SAGEMAKER, "sagemaker:digits-2026-11-01"),
        (JOBSET, "jobset:5b1e"),
        (INDEXED_JOB, ""),
        ({"LSB_JOBID": "9", "LSB_JOBINDEX": "0"}, "lsf:9"),
        ({"LSB_JOBID": "9", "LSB_JOBINDEX": "2"}, "lsf:9_2"),
        ({**TORCHRUN, **JOBSET}, "jobset:5b1e"),
        ({**TORCHRUN, **STEP, **SKYPILOT}, "skypilot:sky-managed-2026-11-01-10-00-00-123456_train_7-0"),
    ],
)
def test_the_outermost_job_is_what_an_attempt_resumes(environment: dict[str, str], expected: str) -> None:
    assert place(environment, {}).resume_key == expected


def test_a_jobset_tells_its_restarts() -> None:
    assert place(JOBSET, {}).restart_count == 2
