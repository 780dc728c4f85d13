"""The Faust app: a factory, nothing at import."""

from __future__ import annotations

from faust.transport.drivers import TRANSPORTS

from agents import actions, scoring
from agents.worker.clout import Clout
from agents.worker.health import Health
from streams.broker.security import credentials
from streams.settings import Settings


def create_app(settings: Settings, health: Health | None = None, *, surplus: bool = False) -> Clout:
    """An app with both agents. Apps made by this function share nothing. `health` is kept up to date for whoever asks.

    `surplus`: see `agents.worker.servers.Servers`.
    """
    TRANSPORTS.aliases.setdefault("block", "streams.broker.transport:Transport")
    app = Clout(
        settings.app,
        settings=settings,
        health=health or Health(),
        surplus=surplus,
        broker=[f"block://{broker}" for broker in settings.kafka.split(",")],
        broker_credentials=credentials(settings),
        env_prefix="CLOUT_FAUST_",  # Faust's own variables have no prefix and beat the code
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.partitions,
        table_standby_replicas=1,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        broker_max_poll_records=settings.block_records,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=min(max(1.0, settings.session_timeout_s / 10), settings.session_timeout_s / 4),
        broker_rebalance_timeout=20,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings.name or None,  # a member that has one does not leave the group when it ends
        consumer_max_fetch_size=4_194_304,
        agent_supervisor="mode.CrashingSupervisor",
        web_enabled=False,
        # the same for all: whoever comes back by name from another machine gets an assignment that holds it, and Faust compares
        canonical_url="http://clout",
    )
    # table_standby_replicas=1 keeps Faust's co-partitioning assignor; with standbys it would spread 4 over 3 workers as 2, 2, 0
    app.assignor.replicas = 0
    app.on_rebalance_complete.connect(app.take)
    actions.define(app)
    scoring.define(app)
    return app
