"""What the launcher of a distributed job says of this process: torchrun, Slurm, Open MPI, MPICH, Cray."""

import os

from .settings import SdkSettings

RANK_VARIABLES = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "PALS_RANKID")
WORLD_SIZE_VARIABLES = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PALS_SIZE")


def rank_of(settings: SdkSettings) -> int | None:
    """The setting, else what a launcher says; None where no launcher does."""
    return settings.rank if settings.rank is not None else _number_of(RANK_VARIABLES)


def world_size() -> int | None:
    """How many processes the launcher has started."""
    return _number_of(WORLD_SIZE_VARIABLES)


def _number_of(variables: tuple[str, ...]) -> int | None:
    for variable in variables:
        text = os.environ.get(variable, "")
        if text.isdecimal():
            return int(text)
    return None
