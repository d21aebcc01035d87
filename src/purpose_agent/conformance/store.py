"""The suite that every store must pass.

Subclass it in a test module of your own; pytest collects it there::

    from purpose_agent.conformance.store import StoreConformance

    class TestMyStore(StoreConformance):
        def make_store(self):
            return MyStore(fresh_database())

        def reopen(self, store):
            return MyStore(store.database)
"""

from __future__ import annotations

from purpose_agent.conformance.store_journal import JournalTests
from purpose_agent.conformance.store_library import LibraryTests
from purpose_agent.conformance.store_replay import ReplayTests
from purpose_agent.conformance.store_samples import (
    episode,
    raises,
    started,
)
from purpose_agent.errors import StoreError
from purpose_agent.events import (
    StepStarted,
)


class StoreConformance(JournalTests, ReplayTests, LibraryTests):
    """Tests of one store. They need no pytest: call the methods whose names begin with ``test_``."""

    def test_closing_writes_everything(self) -> None:
        """Closing twice is fine; a closed store says so."""
        store = self.make_store()
        store.append("r", 0, [started("r")])
        future = store.append("r", 1, [StepStarted(1)])
        store.close()
        store.close()
        future.result(60)
        assert isinstance(store.append("r", 2, [StepStarted(2)]).exception(60), StoreError)
        for use in (
            lambda: store.events("r"),
            lambda: store.episodes(),
            lambda: store.add_episode(episode("a"), ""),
            lambda: store.revision,
        ):
            raises(use)
        other = self.reopen(store)
        if other is not None:
            assert other.events("r") == [started("r"), StepStarted(1)]
            other.close()
