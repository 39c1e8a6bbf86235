"""One run of an activity in a worker, and what may befall it there."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import MethodType
from typing import Any, Final, NoReturn, cast

from temporalio import activity
from temporalio.activity import Info
from temporalio.api.common.v1 import Payload
from temporalio.common import Priority, _CompositeEvent

from tests.simulation.activations import CONVERTER, value_of
from tests.simulation.clock import VirtualLoop
from tests.simulation.errors import LifeOver

#: The run that a step of code belongs to; None: of a caller outside of all workers.
CURRENT_RUN: Final = contextvars.ContextVar["ActivityRun | None"]("run", default=None)

_NEVER: Final = _CompositeEvent(thread_event=threading.Event(), async_event=None)


@dataclass(frozen=True)
class Registered:
    """An activity that a worker has."""

    call: Callable[[Any], Coroutine[Any, Any, Any]]
    argument_type: type | None


def registered(methods: Iterable[Callable[..., Any]]) -> Mapping[str, Registered]:
    """Activities by their names."""
    known = {}
    for method in methods:
        name, argument_type = _defined(cast(MethodType, method).__func__)
        known[name] = Registered(method, argument_type)
    return known


@cache
def _defined(function: Callable[..., Any]) -> tuple[str, type | None]:
    """The name of an activity, and what it takes."""
    definition = activity._Definition.must_from_callable(function)
    types = definition.arg_types
    return definition.name or "", types[-1] if types else None


class ActivityRun:
    """One run, which its owner hears of as long as it is not abandoned.

    Args:
        loop: the loop it runs on.
        name: of the activity.
        known: the activities of its worker.
        argument: its input, encoded.
        heard: what earlier runs have said with their heartbeats.
        ended: is told the result or the error.
        lost: is told that the run's worker will not be heard of for some time, or ever.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        name: str,
        known: Mapping[str, Registered],
        argument: Payload,
        heard: list[Any],
        *,
        ended: Callable[["ActivityRun", Any, BaseException | None], None],
        lost: Callable[["ActivityRun"], None],
        is_local: bool,
    ) -> None:
        self.name = name
        self.is_abandoned = False
        #: Its worker is gone: it does nothing more.
        self.is_dead = False
        self.heard = heard
        self.is_local = is_local
        self._ended = ended
        self._lost = lost
        entry = known[name]
        context = contextvars.copy_context()
        context.run(self._enter, name, loop.now(), is_local=is_local)
        call = entry.call(value_of(argument, entry.argument_type))
        self.task = loop.create_task(call, context=context)
        self.task.add_done_callback(self._done)

    def _enter(self, name: str, started_at: datetime, *, is_local: bool) -> None:
        info = _info(name, started_at, self.heard, is_local=is_local)
        CURRENT_RUN.set(self)
        activity._Context.set(
            activity._Context(
                info=lambda: info,
                heartbeat=self._beat,
                cancelled_event=_NEVER,
                worker_shutdown_event=_NEVER,
                shield_thread_cancel_exception=None,
                payload_converter_class_or_instance=CONVERTER,
                runtime_metric_meter=None,
                client=None,
                cancellation_details=activity._ActivityCancellationDetailsHolder(),
            )
        )

    def _beat(self, *details: Any) -> None:
        if details and not self.is_abandoned:
            self.heard[:] = details

    def worker_is_lost(self) -> None:
        """Its worker is gone, or stopped: nothing is heard of it."""
        if not self.is_abandoned:
            self._lost(self)

    def die(self) -> NoReturn:
        """Its worker is killed.

        Raises:
            LifeOver: nothing that follows in its code is carried out.
        """
        self.worker_is_lost()
        self.is_dead = True
        raise LifeOver

    def abandon(self) -> None:
        """Whatever it still does, its owner does not hear of it."""
        self.is_abandoned = True

    def _done(self, task: asyncio.Task[Any]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if isinstance(error, LifeOver) and not self.is_dead:
            # It has joined a run whose worker, which is its own, was killed.
            self.worker_is_lost()
            self.is_dead = True
        if not self.is_abandoned and not self.is_dead:
            self._ended(self, None if error else task.result(), error)


def _info(name: str, started_at: datetime, heard: list[Any], *, is_local: bool) -> Info:
    return Info(
        activity_id="1",
        activity_type=name,
        attempt=1,
        current_attempt_scheduled_time=started_at,
        heartbeat_details=list(heard),
        heartbeat_timeout=None,
        is_local=is_local,
        namespace="simulation",
        schedule_to_close_timeout=None,
        scheduled_time=started_at,
        start_to_close_timeout=timedelta(seconds=10),
        started_time=started_at,
        task_queue="outreach",
        task_token=b"",
        workflow_id="",
        workflow_namespace="simulation",
        workflow_run_id="",
        workflow_type="",
        priority=Priority.default,
        retry_policy=None,
        activity_run_id=None,
    )
