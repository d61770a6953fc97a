"""How each process of a run signs in: on an open stack alike, on a secured one as the user that it is there."""

import ssl
from typing import Final

from msgspec.structs import replace

from mldash.connections.servers import Servers
from mldash.process.environment import to_variables
from mldash_deploy.stack import mongo
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.local_servers import read_servers
from mldash_deploy.stack.security import OPERATOR, Security

_BROUGHT: Final = ["kafka", "mongo", "s3"]


class Access:
    """Of the stack on one folder, which runs."""

    def __init__(self, data: DataFolder, *, secured: bool) -> None:
        self.is_secured = secured
        self._data, self._security = data, Security(data)

    def variables(self, user: str) -> dict[str, str]:
        """What a component is told, of which `user` is the name."""
        return to_variables(self._servers(user), "")

    def emitter(self) -> dict[str, str]:
        """What a training job is told, beside the API's address: how one signs in to Kafka, and to nothing else."""
        told = to_variables(self._servers(OPERATOR), "") if self.is_secured else {}
        return {name: value for name, value in told.items() if name.startswith("MLDASH_KAFKA_")}

    def mongo_uri(self, address: str, user: str) -> str:
        """Of a proxy before MongoDB, past which nothing shall go."""
        uri = f"mongodb://{address}/?directConnection=true"
        return self._security.mongo_uri(uri, user) if self.is_secured else uri

    def tls_of_mongo(self) -> tuple[ssl.SSLContext, ssl.SSLContext] | None:
        """For a proxy that looks into what passes: as the server that it stands for, and as its client."""
        if not self.is_secured:
            return None
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self._security.path / "mongo.pem")
        return server, ssl.create_default_context(cafile=self._security.ca_file)

    def _servers(self, user: str) -> Servers:
        servers = read_servers(self._data.path)
        if not self.is_secured:
            return servers
        plain = replace(servers, mongo=mongo.address(self._data.read_ports()))
        return self._security.servers_of(plain, user, _BROUGHT)
