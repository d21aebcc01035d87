"""A private store, and a library in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from purpose_agent.memory.library import Library
from purpose_agent.store import open_store
from purpose_agent.store.base import Store


@pytest.fixture
def store() -> Iterator[Store]:
    store = open_store(None)
    yield store
    store.close()


@pytest.fixture
def library(store: Store) -> Library:
    return Library(store)
