"""A Redis in which everything but the test itself is a user of deploy/redis/users.acl."""

from __future__ import annotations

import re

import redis

from pipeline.engine.connection import connect
from pipeline.engine.server_rights import acl_file
from tests.support.redis_server import RedisServer

PASSWORD = "the-password-of-tests"


class GuardedRedis(RedisServer):
    """A server whose address names a user with few rights; ``client`` gives one that may do everything.

    With ``strict`` off the keys of all namespaces are the user's: tests use several.
    """

    def __init__(self, user: str = "dramaturg", *, tcp: bool = False, strict: bool = False) -> None:
        super().__init__(tcp=tcp)
        self.user = user
        users = re.sub(r">\S+", f">{PASSWORD}", acl_file()).replace(
            "user default off", "user default on nopass ~* &* +@all"
        )
        if not strict:  # and what tests themselves ask of Redis, which nothing of ours does
            users = users.replace("{dramaturg}:*", "{*}:*").replace(" -@all ", " -@all +dump +script|load ")
        (self.folder / "users.acl").write_text(users)
        self.config = {"aclfile": str(self.folder / "users.acl")}

    @property
    def url(self) -> str:
        """The address of the user with few rights."""
        return self.url_of(self.user)

    def url_of(self, user: str) -> str:
        """Give the address of one of the users."""
        if self.port:
            return f"redis://{user}:{PASSWORD}@127.0.0.1:{self.port}/0"
        return f"unix://{self.socket}?db=0&username={user}&password={PASSWORD}"

    def client(self) -> redis.Redis:
        """Give a client that may do everything."""
        return connect(super().url)

    def refused(self) -> set[str]:
        """Give what Redis refused the users so far, as ``<command or key> <context>``."""
        with self.client() as client:
            return {f"{entry['object']} {entry['context']}" for entry in client.acl_log()}

    def remove(self) -> None:
        """End it, after a look at what it refused; raises ``AssertionError`` if that was something that is needed."""
        refused = self.refused() if self.running else set()
        super().remove()
        # What may be asked and need not be answered.
        needless = {"config|get toplevel", "acl|getuser toplevel"}
        assert refused <= needless, f"the rights of {self.user} do not suffice: {sorted(refused - needless)}"
