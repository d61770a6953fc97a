"""Facts of this process from the launcher of its distributed job. Rank and world size come from one launcher.

  1  RANK with WORLD_SIZE                torchrun, Kubeflow, by hand
  2  OMPI_COMM_WORLD_*                   Open MPI
  3  MV2_COMM_WORLD_*                    MVAPICH
  4  JSM_NAMESPACE_*                     jsrun
  5  PALS_RANKID, world PMI_SIZE         Cray PALS
  6  PMI_RANK, PMI_SIZE                  MPICH's and Intel MPI's hydra, srun --mpi=pmi2
  7  FLUX_TASK_RANK, FLUX_JOB_SIZE       Flux
  8  SLURM_PROCID, SLURM_STEP_NUM_TASKS  a step of Slurm; see `_slurm_step`
  9  JAX's, Ray Train's own context      asked where they are loaded; they set their variables late, or never
 10  one process a node                  SkyPilot, SageMaker, JobSet, indexed Jobs; see `_one_a_node`
 11  PMIX_RANK, RANK, an indexed Job's   a rank of a world of unknown size

They nest (torchrun in a step of Slurm, Ray on nodes of SkyPilot): the innermost counts, all are recorded. The setting
`rank` goes before all of them. What names their job stands in jobs.py.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from mldash.settings import SdkSettings

from .jobs import job_of

_ARRAY_INDICES: Final = ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "PBS_ARRAY_INDEX", "LSB_JOBINDEX")
_RESTART_COUNTS: Final = ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT", "JOBSET_RESTART_ATTEMPT")
_decode_hosts = msgspec.json.Decoder(list[str]).decode

Environment = Mapping[str, str]
Loaded = Mapping[str, Any]
"""sys.modules."""

_LAST_STEP: Final = 0xFFFF_FFF0
"""Slurm's step ids from here on are special, not steps of srun: the batch script, the allocation's shell, …"""


class Placement(Struct, frozen=True, omit_defaults=True):
    """Where a process stands in its job; None and "" are not known. Recorded as `launcher` in the session's context."""

    rank: int | None = None
    world_size: int | None = None
    local_rank: int | None = None
    node_rank: int | None = None
    node: str = ""
    launchers: list[str] = []
    """Those that were found, the one that counts first."""
    job_id: str = ""
    array_index: int | None = None
    step: str = ""
    restart_count: int | None = None
    resume_key: str = ""
    """Names the job over its restarts, on whatever host."""


class _Said(NamedTuple):
    launcher: str
    rank: int
    world_size: int | None
    local_rank: int | None = None
    node_rank: int | None = None


def placement(settings: SdkSettings) -> Placement:
    """Of this process, now."""
    return place(os.environ, sys.modules, settings.rank)


def rank_of(settings: SdkSettings) -> int | None:
    """The setting, else what a launcher says; None where no launcher does."""
    return placement(settings).rank


def place(environment: Environment, loaded: Loaded, rank: int | None = None) -> Placement:
    """`rank` is the setting: then the world is that of a launcher that gives the same rank, if one does."""
    found = [said for ask in _ORDER for said in ask(environment, loaded)]
    if rank is None:
        said = found[0] if found else None
    else:
        same = (one for one in found if one.rank == rank and one.world_size is not None)
        said = next(same, _Said("setting", rank, None))
    job = job_of(environment)
    return Placement(
        rank=said.rank if said else None,
        world_size=said.world_size if said else None,
        local_rank=said.local_rank if said else None,
        node_rank=said.node_rank if said else None,
        node=environment.get("SLURMD_NODENAME", ""),
        launchers=[one.launcher for one in found],
        job_id=job.id if job else "",
        array_index=_first(environment, *_ARRAY_INDICES),
        step=environment.get("SLURM_STEP_ID", "") if _is_step(environment) else "",
        restart_count=_first(environment, *_RESTART_COUNTS),
        resume_key=job.resume_key if job else "",
    )


def _rank_and_world_size(environment: Environment, loaded: Loaded) -> Iterator[_Said]:
    name = "torchrun" if "TORCHELASTIC_RUN_ID" in environment else "environment"
    yield from _pair(environment, name, "RANK", "WORLD_SIZE", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK")


def _mpi(environment: Environment, loaded: Loaded) -> Iterator[_Said]:
    of_open_mpi = "OMPI_COMM_WORLD_"
    yield from _pair(environment, "openmpi", f"{of_open_mpi}RANK", f"{of_open_mpi}SIZE", f"{of_open_mpi}LOCAL_RANK")
    of_mvapich = "MV2_COMM_WORLD_"
    yield from _pair(environment, "mvapich", f"{of_mvapich}RANK", f"{of_mvapich}SIZE", f"{of_mvapich}LOCAL_RANK")
    of_jsm = "JSM_NAMESPACE_"
    yield from _pair(environment, "jsm", f"{of_jsm}RANK", f"{of_jsm}SIZE", f"{of_jsm}LOCAL_RANK")
    yield from _pair(environment, "pals", "PALS_RANKID", "PMI_SIZE", "PALS_LOCAL_RANKID", "PALS_NODEID")
    yield from _pair(environment, "pmi", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID")


def _flux(environment: Environment, loaded: Loaded) -> Iterator[_Said]:
    yield from _pair(environment, "flux", "FLUX_TASK_RANK", "FLUX_JOB_SIZE", "FLUX_TASK_LOCAL_ID")


def _slurm_step(environment: Environment, loaded: Loaded) -> Iterator[_Said]:
    """Of a step that srun has started. A batch script has SLURM_PROCID 0 and SLURM_NTASKS n, and is not rank 0 of n."""
    if _is_step(environment):
        yield from _pair(environment, "slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_NODEID")


def _contexts(environment: Environment, loaded: Loaded) -> Iterator[_Said]:
    for launcher, module, ask in (("jax", "jax._src.distributed", _ask_jax), ("ray", "ray.train", _ask_ray)):
        if loaded.get(module) is None:
            continue
        try:
            rank, world_size, local_rank, node_rank = ask(loaded[module])
        except Exception:  # not begun, or laid out otherwise in that version: then it says nothing of ranks
            continue
        if isinstance(rank, int) and isinstance(world_size, int) and 0 <= rank < world_size and world_size > 1:
            yield _Said(launcher, rank, world_size, local_rank, node_rank)


def _ask_jax(module: Any) -> tuple[Any, ...]:
    """As jax.distributed.initialize() has left it. jax.process_index() would start the devices."""
    state = module.global_state
    return state.process_id, state.num_processes, None, None


def _ask_ray(module: Any) -> tuple[Any, ...]:
    context = module.get_context()
    return context.get_world_rank(), context.get_world_size(), context.get_local_rank(), context.get_node_rank()


def _one_a_node(environment: Environment, loaded: Loaded) -> Iterator[_Said]:
    """Launchers that start one process on each node, and leave it to that to start more: its rank is the node's."""
    yield from _pair(environment, "skypilot", "SKYPILOT_NODE_RANK", "SKYPILOT_NUM_NODES", "", "SKYPILOT_NODE_RANK")
    yield from _sagemaker(environment)
    yield from _pods(environment)


def _sagemaker(environment: Environment) -> Iterator[_Said]:
    """By what its newer containers say, else by the place of the host among the hosts, which are sorted in all."""
    hosts, host = _names(environment.get("SM_HOSTS", "")), environment.get("SM_CURRENT_HOST", "")
    place = _number(environment, "SM_CURRENT_HOST_RANK")
    if place is None and host in hosts:
        place = hosts.index(host)
    if place is not None and place < len(hosts):
        yield _Said("sagemaker", place, len(hosts), None, place)


def _pods(environment: Environment) -> Iterator[_Said]:
    """Kubernetes tells an indexed Job's pod its index and not of how many, and JobSet puts all into labels: for a world
    the pod's own specification must say more (docs/clusters.md)."""
    index, pods = _number(environment, "JOB_COMPLETION_INDEX"), _number(environment, "JOB_COMPLETIONS")
    if index is None or pods is None or index >= pods:
        return
    job, jobs = _number(environment, "JOBSET_JOB_GLOBAL_INDEX"), _number(environment, "JOBSET_GLOBAL_REPLICAS")
    if job is not None and jobs is not None and job < jobs:
        rank = job * pods + index
        yield _Said("jobset", rank, jobs * pods, None, rank)
    else:
        yield _Said("indexed-job", index, pods, None, index)


def _ranks_of_unknown_worlds(environment: Environment, loaded: Loaded) -> Iterator[_Said]:
    if (rank := _number(environment, "PMIX_RANK")) is not None:
        yield _Said("pmix", rank, None)
    if "WORLD_SIZE" not in environment and (rank := _number(environment, "RANK")) is not None:
        yield _Said("environment", rank, None, _number(environment, "LOCAL_RANK"))
    if "JOB_COMPLETIONS" not in environment and (rank := _number(environment, "JOB_COMPLETION_INDEX")) is not None:
        yield _Said("indexed-job", rank, None, None, rank)


_ORDER: Final[tuple[Callable[[Environment, Loaded], Iterator[_Said]], ...]] = (
    _rank_and_world_size,
    _mpi,
    _flux,
    _slurm_step,
    _contexts,
    _one_a_node,
    _ranks_of_unknown_worlds,
)


def _pair(
    environment: Environment, launcher: str, rank: str, world_size: str, local_rank: str, *node_rank: str
) -> Iterator[_Said]:
    """Where both are there, and the rank is one of that world."""
    own, of = _number(environment, rank), _number(environment, world_size)
    if own is not None and of is not None and own < of:
        yield _Said(launcher, own, of, _number(environment, local_rank), _first(environment, *node_rank))


def _is_step(environment: Environment) -> bool:
    step = _number(environment, "SLURM_STEP_ID")
    return step is not None and step < _LAST_STEP


def _first(environment: Environment, *variables: str) -> int | None:
    numbers = (_number(environment, variable) for variable in variables)
    return next((number for number in numbers if number is not None), None)


def _number(environment: Environment, variable: str) -> int | None:
    text = environment.get(variable, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _names(text: str) -> list[str]:
    """Of a JSON list; none where it is something else."""
    try:
        return _decode_hosts(text)
    except msgspec.DecodeError:
        return []
