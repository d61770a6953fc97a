"""The settings of the SDK: a keyword of Experiment, an environment variable, or a line in the TOML file each."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .process.environment import Settings

# How Kafka is spoken to. The same for the SDK and every component (connections/servers.py), so each is described once;
# here, because the SDK's import is to stay light.
KafkaSecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
KafkaSaslMechanism = Annotated[
    Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None,
    Meta(description="How this program proves who it is, with SASL.", extra={"env": "MLDASH_KAFKA_SASL_MECHANISM"}),
]
KafkaUsername = Annotated[str | None, Meta(description="Of PLAIN and SCRAM.", extra={"env": "MLDASH_KAFKA_USERNAME"})]
KafkaPassword = Annotated[
    str | None, Meta(description="Of PLAIN and SCRAM.", extra={"env": "MLDASH_KAFKA_PASSWORD", "secret": True})
]
KafkaCaFile = Annotated[
    str | None,
    Meta(
        description="PEM of who signs Kafka's certificates. Unset: the host's.", extra={"env": "MLDASH_KAFKA_CA_FILE"}
    ),
]
KafkaCertFile = Annotated[
    str | None,
    Meta(description="PEM of a client certificate, if brokers want one.", extra={"env": "MLDASH_KAFKA_CERT_FILE"}),
]
KafkaKeyFile = Annotated[
    str | None,
    Meta(description="Its key. Unset: in the certificate's file.", extra={"env": "MLDASH_KAFKA_KEY_FILE"}),
]
KafkaKeyPassword = Annotated[
    str | None, Meta(description="Of the key file.", extra={"env": "MLDASH_KAFKA_KEY_PASSWORD", "secret": True})
]
KafkaTokenFile = Annotated[
    str | None,
    Meta(
        description="OAUTHBEARER: the file of a token that others renew; it is read again.",
        extra={"env": "MLDASH_KAFKA_TOKEN_FILE"},
    ),
]
KafkaTokenCommand = Annotated[
    str | None,
    Meta(
        description="OAUTHBEARER: a command, without a shell, that prints a token and ends.",
        extra={"env": "MLDASH_KAFKA_TOKEN_COMMAND"},
    ),
]


class SdkSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each field is a keyword of `Experiment(…)` and, upper case after `MLDASH_`, an environment variable."""

    prefix: Annotated[str | None, Meta(description="The experiment where Experiment() is given none.")] = None
    root: Annotated[str, Meta(description="Local mode's folder.")] = ".dash"
    remote: Annotated[str | None, Meta(description="The API's address; it makes the mode remote.")] = None
    mode: Annotated[
        Literal["local", "remote", "offline", "disabled"] | None,
        Meta(description="Where events go. Unset: remote where an address is given, else local."),
    ] = None
    token: Annotated[str | None, Meta(description="Sent to the API with each request.", extra={"secret": True})] = None
    token_over_http: Annotated[
        bool, Meta(description="Whether the token is sent over plain http too, where others can read it on the way.")
    ] = False
    kafka: Annotated[str | None, Meta(description="Bootstrap servers; overrides what the API says.")] = None
    kafka_security_protocol: Annotated[
        KafkaSecurityProtocol | None,
        Meta(description="How Kafka is spoken to. Unset: as the API says, else PLAINTEXT."),
    ] = None
    kafka_sasl_mechanism: KafkaSaslMechanism = None
    kafka_username: KafkaUsername = None
    kafka_password: KafkaPassword = None
    kafka_ca_file: KafkaCaFile = None
    kafka_cert_file: KafkaCertFile = None
    kafka_key_file: KafkaKeyFile = None
    kafka_key_password: KafkaKeyPassword = None
    kafka_token_file: KafkaTokenFile = None
    kafka_token_command: KafkaTokenCommand = None
    transport: Annotated[
        Literal["auto", "kafka", "http"],
        Meta(
            description="How events travel: to Kafka itself, or over HTTP by the API. auto: by the API where Kafka "
            "can't be reached, or does not let this host in; Kafka alone where its address is set here."
        ),
    ] = "auto"
    journal: Annotated[
        str | None, Meta(description="The journal's folder in remote and offline mode. Unset: /var/tmp/mldash-{uid}.")
    ] = None
    journal_bytes: (
        Annotated[
            int,
            Meta(ge=1 << 20, description="The journal's size limit. Unset: a tenth of the free disk, at most 10 GB."),
        ]
        | None
    ) = None
    journal_policy: Annotated[
        Literal["block", "drop", "raise"], Meta(description="What log() does when the journal is full.")
    ] = "block"
    segment_bytes: Annotated[int, Meta(ge=1 << 16, le=1 << 30, description="Size of one journal segment.")] = 16 << 20
    fsync: Annotated[
        Literal["never", "interval", "always"],
        Meta(description="When the journal is forced to the disk: a killed process loses nothing with any of them."),
    ] = "never"
    network_files: (
        Annotated[
            bool,
            Meta(
                description="Whether the journal's folder is on a network file system: plain writes, heartbeats and "
                "leases in place of mapped files and locks. Unset: as the type of its file system says."
            ),
        ]
        | None
    ) = None
    dead_after_s: Annotated[
        float,
        Meta(gt=0, description="On a network file system: after such a silence a process's journal is another's."),
    ] = 86_400.0
    compression: (
        Annotated[
            Literal["snappy", "gzip", "lz4", "zstd", "none"],
            Meta(description="How batches of records are compressed for Kafka. Unset: as the API says, else snappy."),
        ]
        | None
    ) = None
    background_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="Delivery's share of one core where nobody waits: its turns are as far apart as they cost.",
        ),
    ] = 0.005
    linger_max_s: (
        Annotated[
            float,
            Meta(
                gt=0,
                le=60,
                description="Events are never gathered for longer than this, whatever a turn costs. Unset: as the API "
                "says, else 0.5.",
            ),
        ]
        | None
    ) = None
    linger_s: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=60,
                description="A fixed time between two turns, in place of background_share and linger_max_s. "
                "Unset: these two count.",
            ),
        ]
        | None
    ) = None
    close_timeout_s: Annotated[float, Meta(gt=0, description="For delivery when a run ends or the process exits.")] = (
        60.0
    )
    termination_grace_s: (
        Annotated[
            float,
            Meta(
                gt=0,
                description="Seconds from SIGTERM to SIGKILL, as a pod's terminationGracePeriodSeconds: deliveries end "
                "within five sixths of it. Unset: 30 under Slurm and torchrun, else not known.",
            ),
        ]
        | None
    ) = None
    read_wait_s: Annotated[float, Meta(ge=0, description="How long a read waits for this process's own events.")] = 10.0
    heartbeat_s: Annotated[float, Meta(gt=0, description="How often a session says that it lives.")] = 10.0
    echo: Annotated[bool, Meta(description="Whether log lines are printed at once.")] = True
    capture_context: Annotated[bool, Meta(description="Whether git state, command line and versions are recorded.")] = (
        True
    )
    capture_stdout: Annotated[
        bool, Meta(description="Whether what is printed, to stdout and stderr, is recorded in the log too.")
    ] = False
    system_metrics_interval_s: Annotated[
        float, Meta(ge=0, description="How often cpu, memory, disk, network and GPUs are logged. 0: never.")
    ] = 0.0
    signals: Annotated[bool, Meta(description="Whether SIGTERM and SIGINT mark the run.")] = True
    preemption_signals: Annotated[
        tuple[Literal["USR1", "USR2"], ...],
        Meta(description="By which a scheduler says that the end will come: all is sent, and the process goes on."),
    ] = ()
    rank: (
        Annotated[int, Meta(ge=0, description="This process's rank. Unset: what the launcher says (launchers.py).")]
        | None
    ) = None


def with_whole_paths(settings: SdkSettings) -> SdkSettings:
    """Folders as they are to be found from anywhere: a relative one belongs to the working directory of this moment,
    wherever the process goes later. Only the one that the mode uses: the others need not exist.

    Raises OSError where the working directory is gone and a relative folder is needed.
    """
    mode = settings.mode or ("remote" if settings.remote else "local")
    if mode == "local":
        return msgspec.structs.replace(settings, root=_whole(settings.root))
    if mode in ("remote", "offline") and settings.journal:
        return msgspec.structs.replace(settings, journal=_whole(settings.journal))
    return settings


def _whole(path: str) -> str:
    return str(Path(path).expanduser().absolute())
