"""Clients take turns, whatever each has waiting."""

import asyncio

import pytest

from open_seq2seq.serving.fair_queue import FairQueue
from open_seq2seq.serving.refusal import Refused


async def order(clients, most=100, most_per_client=100, cancelled=()):
    """The clients in the order in which they had their turn; the first has the only place."""
    queue, had = FairQueue(1, most, most_per_client), []

    async def job(client):
        async with queue.turn(client):
            had.append(client)
            await asyncio.sleep(0)

    async with queue.turn("first"):
        tasks = [asyncio.create_task(job(client)) for client in clients]
        await asyncio.sleep(0)
        for number in cancelled:
            tasks[number].cancel()
        await asyncio.sleep(0)
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert (queue.running, queue.waiting) == (0, 0)
    await asyncio.wait_for(job("last"), 10)  # the place is not lost
    assert had.pop() == "last"
    return had, [one for one in done if one is not None]


def test_clients_take_turns():
    had, _ = asyncio.run(order("aaaabbc"))
    assert "".join(had) == "abcabaa"


def test_who_is_gone_waits_no_more():
    had, errors = asyncio.run(order("aabb", cancelled=[0, 3]))
    assert "".join(had) == "ab" and len(errors) == 2


@pytest.mark.parametrize(("limits", "had"), [((2, 9), "ab"), ((9, 1), "ab")])
def test_too_many(limits, had):
    found, errors = asyncio.run(order("aba" if limits[0] == 9 else "abc", *limits))
    assert "".join(found) == had
    assert [(one.status, one.code) for one in errors] == [(429, "queue_full")]
    assert isinstance(errors[0], Refused)
