"""The settings of the query API."""

import ipaddress
from typing import Annotated, Final, Literal

from msgspec import Meta

from mldash.answers.limits import MOST_ENTRIES, PAGE_POINTS
from mldash.connections.loopback import is_loopback
from mldash.connections.servers import GROUP, Servers
from mldash.process.health_server import LOOPBACK, HealthHost, HealthPort

_SECRET: Final = {"secret": True}


class ApiSettings(Servers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Server addresses are shared by all components; the rest is MLDASH_API_…."""

    host: Annotated[str, Meta(description="The address listened on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="0: any free one.")] = 8700
    auth: Annotated[
        Literal["tokens", "oidc", "proxy", "open"] | None,
        Meta(
            description="Who may call: holders of tokens, besides them whom an OpenID provider (oidc) or a trusted "
            "proxy has signed in, or anybody (open). Unset: whoever reaches it, on loopback alone.",
            extra={"env": "MLDASH_AUTH"},
        ),
    ] = None
    private_token_file: Annotated[
        str | None,
        Meta(
            description="Where auth is unset: a file of mode 0600 whose token all must send. Made where it is missing."
        ),
    ] = None
    link_file: Annotated[
        str | None,
        Meta(
            description="With private_token_file: a link that signs a browser in, once and within ten minutes of the "
            "start, is written there, with mode 0600."
        ),
    ] = None
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Where auth is unset: names of this host that Host may have, besides loopback's."),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."),
    ] = ()
    proxy_user_header: Annotated[
        str, Meta(min_length=1, description="With auth=proxy: where the proxy says who it has signed in.")
    ] = "X-Forwarded-User"
    proxy_groups_header: Annotated[str, Meta(min_length=1, description="With auth=proxy: their groups, by comma.")] = (
        "X-Forwarded-Groups"
    )
    group_rights: Annotated[
        tuple[str, ...],
        Meta(description="With auth=proxy or oidc: GROUP=RIGHT:SCOPE; the group * is everybody who is signed in."),
    ] = ()
    public_address: Annotated[
        str | None,
        Meta(
            description="Where browsers find this API, as https://mldash.example.org/base: a provider leads back there."
        ),
    ] = None
    oidc_issuer: Annotated[
        str | None, Meta(description="With auth=oidc: the provider, as its discovery document calls itself.")
    ] = None
    oidc_client_id: Annotated[str | None, Meta(description="As the provider knows this API.")] = None
    oidc_client_secret: Annotated[
        str | None, Meta(description="Unset: a public client, by PKCE alone.", extra=_SECRET)
    ] = None
    oidc_scopes: Annotated[
        tuple[str, ...], Meta(description="Asked for besides openid, as the provider's groups need it.")
    ] = ()
    oidc_groups_claim: Annotated[
        str, Meta(min_length=1, description="Of the user information, or the ID token: a list of the person's groups.")
    ] = "groups"
    oidc_subject_claim: Annotated[
        Literal["sub", "email", "preferred_username"],
        Meta(description="What a person is called here. An email counts only if the provider has verified it."),
    ] = "sub"
    oidc_ca_file: Annotated[
        str | None,
        Meta(description="PEM of who signs the provider's certificate, where that is not whom the host trusts."),
    ] = None
    signing_keys: Annotated[
        str | None,
        Meta(
            description="Sign browsers' cookies: keys of 32 characters or more, by comma; the first signs, all verify. "
            "Unset: random ones of each process. All API processes need the same.",
            extra={"env": "MLDASH_SIGNING_KEYS", "secret": True},
        ),
    ] = None
    signing_keys_file: Annotated[
        str | None,
        Meta(
            description="The same in a file, one a line; read again when it changes.",
            extra={"env": "MLDASH_SIGNING_KEYS_FILE"},
        ),
    ] = None
    session_s: Annotated[
        float, Meta(gt=0, le=31_536_000, description="A browser that has signed in stays so for so long at most.")
    ] = 43_200.0
    tls_cert_file: Annotated[
        str | None, Meta(description="The certificate and its chain, PEM: then it speaks https alone. Read again.")
    ] = None
    tls_key_file: Annotated[str | None, Meta(description="The certificate's key, PEM without a passphrase.")] = None
    public_kafka: Annotated[
        str | None, Meta(description="Kafka's address as training hosts see it. Unset: the one used here.")
    ] = None
    public_kafka_security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None,
        Meta(description="How training hosts speak to it, if otherwise than this API does."),
    ] = None
    public_kafka_sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None,
        Meta(description="How training hosts sign in there, if otherwise than this API does."),
    ] = None
    public_kafka_username: Annotated[
        str | None, Meta(description="The user of training hosts, who may write the topics and nothing else.")
    ] = None
    public_kafka_password: Annotated[
        str | None,
        Meta(description="Of that user; handed out, if at all, by hand_out_kafka_credentials.", extra=_SECRET),
    ] = None
    hand_out_kafka_credentials: Annotated[
        bool,
        Meta(
            description="Give SDKs that user by /v1/connect: over TLS or loopback, to tokens that may write everything."
        ),
    ] = False
    event_encoding: Annotated[
        Literal["msgpack", "json"], Meta(description="How SDKs that connect here encode their records.")
    ] = "msgpack"
    event_compression: Annotated[
        Literal["snappy", "gzip", "lz4", "zstd", "none"],
        Meta(description="How SDKs that connect here compress their batches; docs/events.md says who can read which."),
    ] = "snappy"
    linger_max_s: Annotated[
        float,
        Meta(gt=0, le=60, description="For how long SDKs that connect here gather events at most, unless set there."),
    ] = 0.5
    gateway_bytes: Annotated[
        int,
        Meta(ge=1 << 20, description="Of records on their way from HTTP to Kafka, in one process."),
    ] = 64 << 20
    wait_limit_s: Annotated[
        float, Meta(ge=0, le=300, description="A read waits at most so long for its writer's events.")
    ] = 30.0
    read_limit: Annotated[
        int,
        Meta(ge=PAGE_POINTS, description="Points, lines or experiments of one answer at most; SDKs ask for 10,000."),
    ] = 100_000
    entries_limit: Annotated[int, Meta(ge=1, description="Entries of a track in one answer at most.")] = MOST_ENTRIES
    tail_cache_bytes: Annotated[int, Meta(ge=0, description="Memory for page indexes and footers of chunks.")] = (
        32 << 20
    )
    chunk_cache_bytes: Annotated[int, Meta(ge=0, description="Memory for chunks read from S3.")] = 256 << 20
    summary_cache_bytes: Annotated[int, Meta(ge=0, description="Memory for summaries that charts are drawn from.")] = (
        32 << 20
    )
    manifest_cache_bytes: Annotated[
        int, Meta(ge=0, description="Memory for manifest entries of full chunks, which charts are planned by.")
    ] = 64 << 20
    chunk_fetches: Annotated[int, Meta(ge=1, le=256, description="Chunks fetched at once for one answer.")] = 8
    lost_after_s: Annotated[float, Meta(gt=0, description="A session whose heartbeat is older is not live.")] = 60.0
    send_timeout_s: Annotated[
        float, Meta(gt=0, description="Nothing of an answer was taken for so long: the connection is cut.")
    ] = 60.0
    search_timeout_s: Annotated[
        float, Meta(gt=0, le=300, description="Log lines are looked through for so long at most, for one answer.")
    ] = 20.0
    query_timeout_s: Annotated[
        float, Meta(gt=0, le=300, description="A search of runs, or their grouping, takes so long at most.")
    ] = 10.0
    chart_timeout_s: Annotated[
        float, Meta(gt=0, le=3_600, description="The columns of a chart are gathered for so long at most.")
    ] = 60.0
    audit_timeout_s: Annotated[
        float, Meta(gt=0, le=3_600, description="An audit over HTTP reads an experiment for so long at most.")
    ] = 60.0
    audit_group: Annotated[
        str, Meta(min_length=1, description="The workers' consumer group: what it has passed an audit wants stored.")
    ] = GROUP
    index_at_start: Annotated[
        bool,
        Meta(
            description="Read all runs into memory at the start; else when somebody searches them for the first time."
        ),
    ] = False
    mcp: Annotated[
        bool, Meta(description="Answer programs that reason at /mcp (docs/agents.md); needs the extra agents.")
    ] = False
    mcp_changes: Annotated[
        bool, Meta(description="Offer note and tag at /mcp to callers with the right to write; else it only reads.")
    ] = False
    requests_per_s: Annotated[
        float, Meta(ge=0, description="Requests of one token a second, of each API process; 0: without a limit.")
    ] = 1_000.0
    live_listeners: Annotated[int, Meta(ge=0, description="Live streams open at one API process at most.")] = 2_000
    live_listeners_of_one: Annotated[
        int, Meta(ge=0, description="Of these, of one token; where nobody signs in, of one address.")
    ] = 200
    live_processes: Annotated[
        int,
        Meta(
            ge=0,
            description="Training processes that wait at one API process to hear that somebody listens, at most; the "
            "others keep to linger_max_s. 0: all do.",
        ),
    ] = 2_000
    live_cache_bytes: Annotated[
        int, Meta(ge=0, description="Memory for events that live streams were told last, shared by all.")
    ] = 64 << 20
    live_pending_partitions: Annotated[
        int,
        Meta(
            ge=0,
            description="Partitions of Kafka that are read at most for listeners that ask for events which are not "
            "stored yet; where the topics have more, these are not told. 0: never.",
        ),
    ] = 128
    live_pending_bytes: Annotated[
        int, Meta(ge=0, description="Memory for events that are not stored yet; nothing is read beyond it.")
    ] = 16 << 20
    live_slow_s: Annotated[
        float, Meta(gt=0, description="A live stream whose client is behind for so long, by its own fault, is closed.")
    ] = 10.0
    stop_timeout_s: Annotated[float, Meta(gt=0, description="For the requests in hand when told to stop.")] = 10.0
    health_host: HealthHost = LOOPBACK
    health_port: HealthPort = 0

    def __post_init__(self) -> None:
        """Raises ValueError for values that do not go together."""
        if self.auth is None and not is_loopback(self.host):
            raise ValueError(
                f"others reach {self.host}, and nothing says who may call: set MLDASH_AUTH to tokens or proxy, or to "
                "open where everybody may read and change everything"
            )
        if self.auth is not None and self.private_token_file is not None:
            raise ValueError(f"private_token_file is for an API on loopback alone, and auth is {self.auth}")
        if self.link_file is not None and self.private_token_file is None:
            raise ValueError("link_file is for an API with a private_token_file")
        if self.auth == "proxy" and not (self.trusted_proxies and self.group_rights):
            raise ValueError("auth=proxy needs trusted_proxies, and group_rights that say what their people may do")
        if self.auth == "oidc" and not (
            self.oidc_issuer and self.oidc_client_id and self.public_address and self.group_rights
        ):
            raise ValueError("auth=oidc needs oidc_issuer, oidc_client_id, public_address, and group_rights")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file go together")
        if self.hand_out_kafka_credentials:
            self._check_handed_out()
        for text in self.trusted_proxies:
            ipaddress.ip_network(text, strict=False)

    @property
    def public_kafka_protocol(self) -> str:
        """How training hosts speak to Kafka."""
        return self.public_kafka_security_protocol or self.kafka_security_protocol

    @property
    def public_kafka_mechanism(self) -> str | None:
        """How training hosts sign in to Kafka."""
        return self.public_kafka_sasl_mechanism or self.kafka_sasl_mechanism

    def _check_handed_out(self) -> None:
        if self.auth in (None, "open"):
            raise ValueError("hand_out_kafka_credentials is for an API that asks for tokens: set MLDASH_AUTH")
        if not (self.public_kafka_username and self.public_kafka_password):
            raise ValueError("hand_out_kafka_credentials needs public_kafka_username and public_kafka_password")
        if not self.public_kafka_protocol.startswith("SASL") or self.public_kafka_mechanism in (None, "OAUTHBEARER"):
            raise ValueError(
                "hand_out_kafka_credentials needs a Kafka that takes passwords (PLAIN or SCRAM over SASL_…)"
            )
