"""Small mistakes the simulation must notice, each an exact replacement in one file."""

from typing import Final, NamedTuple


class Mutation(NamedTuple):
    """One mistake.

    Args:
        name: what it comes to.
        file: where it is made.
        before: the text that stands there, once.
        after: what stands there instead.
        why_silent: why no rule can notice it; empty: one must.
    """

    name: str
    file: str
    before: str
    after: str
    why_silent: str = ""


_OUTREACH: Final = "workflows/outreach.py"
_STEPS: Final = "workflows/steps.py"
_RUN: Final = "activities/delivery_run.py"
_TURNS: Final = "activities/turns.py"
_RULES: Final = "policy/attempts.py"

MUTATIONS: Final = (
    Mutation(
        "a refused attempt keeps its hold",
        _OUTREACH,
        "                    released = await self._steps.release(attempt_no, channel)\n"
        "                    if released.under_way is not None:\n",
        "                    if attempt_no < 0:\n",
    ),
    Mutation(
        "a missed send is held for beside its old hold",
        _OUTREACH,
        "block = await self._hold(plan, instead=True)\n            raise_if_cancelled()",
        "block = await self._hold(plan)\n            raise_if_cancelled()",
    ),
    Mutation(
        "a send is rescheduled although it is due meanwhile",
        _OUTREACH,
        '        async with self._changing:\n            self._require_asleep("rescheduled")\n',
        "        async with self._changing:\n",
    ),
    Mutation(
        "a reschedule takes no turn",
        _OUTREACH,
        '        async with self._changing:\n            self._require_asleep("rescheduled")\n'
        "            block = await self._hold(plan, instead=True)\n",
        '        self._require_asleep("rescheduled")\n'
        "        block = await self._hold(plan, instead=True)\n",
    ),
    Mutation(
        "a reschedule does not wake the sleeper",
        _OUTREACH,
        "        self._record.book(held)\n        self._woken = True\n",
        "        self._record.book(held)\n",
    ),
    Mutation(
        "a hold found again is taken for what is asked for now",
        _OUTREACH,
        """        self._book(held)
        return None
""",
        """        self._book(HeldAttempt(attempt_no=attempt_no, plan=plan))
        return None
""",
        why_silent="needs other facts at the redo of a further channel; no life has drawn them",
    ),
    Mutation(
        "a decision found again is made anew",
        "activities/decider.py",
        "        if claim.decided is not None:\n",
        "        if False:\n",
        why_silent="the hold that is found again answers with the stored decision",
    ),
    Mutation(
        "a hold of an earlier generation is taken",
        "activities/decider.py",
        "                    generation=facts.request.generation,\n",
        "",
        why_silent="needs a put back, a requeue and a hold that is late; no life has drawn them",
    ),
    Mutation(
        "a fallback does not wake the sleeper",
        _OUTREACH,
        "        self._skip_channel = True\n        self._woken = True\n",
        "        self._skip_channel = True\n",
    ),
    Mutation(
        "a fallback that wakes the sleeper is not heard",
        _OUTREACH,
        "                if self._skip_channel:\n"
        "                    self._record.state = OutreachState.DECIDING\n"
        "                    return\n",
        "",
    ),
    Mutation(
        "an unknown attempt is followed by the next channel",
        _OUTREACH,
        "            case DeliveryOutcome.REFUSED:\n                self._record",
        "            case DeliveryOutcome.REFUSED | DeliveryOutcome.UNKNOWN:\n"
        "                self._record",
        why_silent="no money is held for a message that has ended, so no channel follows",
    ),
    Mutation(
        "a cancel believes the workflow, not the database",
        _OUTREACH,
        "        await self._close(OutreachState.CANCELLED, Block(",
        "        if self._record.has_ended:\n"
        "            return\n"
        "        await self._close(OutreachState.CANCELLED, Block(",
    ),
    Mutation(
        "a claim that cannot be reopened is taken for sent",
        _OUTREACH,
        "            if reopened.state in UNSENT_STATES:\n",
        "            if not reopened.state:\n",
    ),
    Mutation(
        "a bounce is carried on without its claim",
        _OUTREACH,
        "        reopened = await self._steps.reopen_claim()\n"
        "        if reopened.block is not None:\n"
        "            # A task",
        "        reopened = await self._steps.reopen_claim()\n"
        "        if reopened.block is None:\n"
        "            # A task",
    ),
    Mutation(
        "a workflow ends while a command has no answer",
        _OUTREACH,
        "            await self._withdraw()\n"
        "        await workflow.wait_condition(workflow.all_handlers_finished)\n",
        "            await self._withdraw()\n",
    ),
    Mutation(
        "a recipient without room is put back in words only",
        _OUTREACH,
        "        if not await self._steps.put_back(block, generation):\n            return False\n",
        "",
    ),
    Mutation(
        "a blocked message is not closed",
        _OUTREACH,
        "                await self._close("
        "OutreachState.BLOCKED, decision.block, decision.generation)\n",
        "                self._end(OutreachState.BLOCKED, decision.block)\n",
    ),
    Mutation(
        "a withdrawn message is not closed",
        _OUTREACH,
        "                await self._close(OutreachState.BLOCKED, result.block or expired)\n",
        "                self._end(OutreachState.BLOCKED, result.block or expired)\n",
    ),
    Mutation(
        "a cancel after the hold goes unheard",
        _OUTREACH,
        "                block = await self._hold(plan)\n            raise_if_cancelled()\n",
        "                block = await self._hold(plan)\n",
        why_silent="the check before the next wait hears of it at the same instant",
    ),
    Mutation(
        "a cancel before the delivery goes unheard",
        _STEPS,
        "        raise_if_cancelled()\n        request = DeliverInput(",
        "        request = DeliverInput(",
        why_silent="nothing is awaited since the sleeper has asked for a cancel itself",
    ),
    Mutation(
        "a cancel leaves a delivery without an outcome",
        _STEPS,
        "        except asyncio.CancelledError:\n"
        "            return await self.resolve(attempt_no, channel)\n",
        "",
        why_silent="it is met where cancel and answer come in one task: the answer is booked",
    ),
    Mutation(
        "a cancel while a delivery runs is not caught",
        _STEPS,
        "        with suppress(asyncio.CancelledError):\n"
        "            await workflow.wait_condition(lambda: delivery.done() or gives_up())\n",
        "        await workflow.wait_condition(lambda: delivery.done() or gives_up())\n",
    ),
    Mutation(
        "a failed delivery is not looked into",
        _STEPS,
        "            result = await self.resolve(attempt_no, channel)\n"
        "            failure = error.cause\n",
        "            result = DeliverResult(outcome=DeliveryOutcome.REFUSED)\n"
        "            failure = error.cause\n",
    ),
    Mutation(
        "a provider is asked too early",
        _STEPS,
        "            if result.outcome is not DeliveryOutcome.NOT_DUE or",
        "            if result or",
    ),
    Mutation(
        "a cancel interrupts a step",
        _STEPS,
        "    return await uninterrupted(run_step(step, argument, summary))\n",
        "    return await run_step(step, argument, summary)\n",
    ),
    Mutation(
        "a step takes the wall clock",
        _STEPS,
        "        request = DecideInput(ref=self._ref, now=workflow.now(), seq",
        "        import time\n\n"
        "        stamp = workflow.now() + timedelta(microseconds=time.monotonic_ns() % 997)\n"
        "        request = DecideInput(ref=self._ref, now=stamp, seq",
    ),
    Mutation(
        "a step that cannot succeed is tried for ever",
        "workflows/patience.py",
        "    return error.non_retryable or error.type in UNREADABLE\n",
        "    return False\n",
    ),
    Mutation(
        "a run that was held up calls all the same",
        "activities/sender.py",
        "        if running_seconds() > self.ends_at:\n",
        "        if running_seconds() < 0:\n",
    ),
    Mutation(
        "a run that was held up opens the attempt",
        _RUN,
        "        if self._is_held_up():\n            raise waits.held_up()\n",
        "",
        why_silent="the lease of the call, which began with the same look, stops it",
    ),
    Mutation(
        "a call takes no turn",
        _RUN,
        "        await take_turn(self._rate, self._request.channel, self._log, self._clock)\n",
        "",
    ),
    Mutation(
        "a place in the line is taken for a turn",
        _TURNS,
        "    if turn.may_call:\n",
        "    if turn:\n",
    ),
    Mutation(
        "a turn is taken without a wait for it",
        _TURNS,
        "        await asyncio.sleep(turn.wait.total_seconds())\n",
        "",
        why_silent="within the lease a run may call as late, so that the rule has room for it",
    ),
    Mutation(
        "a place in the line is a turn of its own",
        _TURNS,
        "    turn = await rate.ask(in_line=log.goes_before_new_ones)\n",
        "    if place_at is not None:\n        return\n    turn = await rate.ask(in_line=False)\n",
    ),
    Mutation(
        "a lost answer is written down as none",
        _RUN,
        "calls=int(is_try), is_lost=True)",
        "calls=int(is_try), is_lost=False)",
    ),
    Mutation(
        "a no after a lost answer counts for both calls",
        _RUN,
        "if isinstance(answer, Refused) and self._log.is_out and self._recovery.may_send_twice:",
        "if isinstance(answer, Refused) and self._log.is_out and not self._recovery:",
    ),
    Mutation(
        "a call that was interrupted gives no look back",
        _RUN,
        "        finally:\n            await self._account.give_back()\n        return result\n",
        "        finally:\n            pass\n        return result\n",
        why_silent="another run looks once the time of this one's look is over",
    ),
    Mutation(
        "an overtaken run calls",
        _RUN,
        "        if not await self._log.open(self._sender.provider):\n"
        "            return await self._overtaken()\n",
        "        await self._log.open(self._sender.provider)\n",
    ),
    Mutation(
        "an attempt that was given up is not written down",
        _RUN,
        "        await self._log.record(state, code=code, calls=calls)\n"
        "        return self._log.answer()\n",
        "        return DeliverResult(outcome=DeliveryOutcome.REFUSED, code=code)\n",
    ),
    Mutation(
        "a look-up counts before it can be complete",
        "activities/situation.py",
        "    return over_at + capabilities.look_up_settles_after if",
        "    return over_at - capabilities.longest_call if",
    ),
    Mutation(
        "a pause does not hold up what is due",
        "activities/situation.py",
        "    return Obstacle.PAUSED if paused else Obstacle.NONE\n",
        "    return Obstacle.NONE\n",
    ),
    Mutation(
        "quiet hours are not looked at before the call",
        "activities/preflight.py",
        "    return _withdrawn(facts, now) or _refused(facts, channel) or _not_due(facts, now)\n",
        "    return _withdrawn(facts, now) or _refused(facts, channel)\n",
    ),
    Mutation(
        "a suppression on a channel is not looked at before the call",
        "activities/preflight.py",
        "    return _withdrawn(facts, now) or _refused(facts, channel) or _not_due(facts, now)\n",
        "    return _withdrawn(facts, now) or _not_due(facts, now)\n",
    ),
    Mutation(
        "a suppression of a person is not looked at before the call",
        "activities/preflight.py",
        "        if suppression.channel is None:\n",
        "        if suppression.reason is None:\n",
    ),
    Mutation(
        "the end of a campaign is not looked at before the call",
        "activities/preflight.py",
        "    if campaign.end_date is not None and campaign.is_over(now):\n",
        "    if campaign.end_date is None and campaign.is_over(now):\n",
    ),
    Mutation(
        "a cancelled campaign still sends",
        "activities/preflight.py",
        "    if campaign.status not in (CampaignStatus.ACTIVE, CampaignStatus.PAUSED):\n",
        "    if campaign.status not in CampaignStatus:\n",
    ),
    Mutation(
        "an interrupted attempt stays open",
        "activities/delivery.py",
        "        attempt = await self._attempts.close_attempt(\n"
        "            request.ref, request.attempt_no, request.channel, request.now\n"
        "        )\n"
        "        return DeliverResult(outcome=OUTCOMES[attempt.state], code=attempt.code)\n",
        "        return DeliverResult(outcome=DeliveryOutcome.REFUSED)\n",
    ),
    Mutation(
        "a cancel interrupts a provider call",
        "activities/under_way.py",
        "            await asyncio.wait({running}, timeout=left)\n",
        "            await asyncio.wait_for(running, left)\n",
        why_silent="what became of the call is asked, or it counts as unknown: less, not wrong",
    ),
    Mutation(
        "a first try does not notice that its worker stood still",
        "activities/delivery.py",
        "        if self._standstills.stood_still_since(now):\n",
        "        if now is None:\n",
    ),
    Mutation(
        "a delivery does not notice that its worker stood still",
        "activities/delivery.py",
        "        if self._standstills.stood_still_since(started_at):\n",
        "        if started_at is None:\n",
    ),
    Mutation(
        "a message that may be out is ended unsent",
        _OUTREACH,
        "            while ended.under_way is not None:\n",
        "            while False:\n",
    ),
    Mutation(
        "a cancel does not wait for a call that is under way",
        "activities/delivery.py",
        "        if left is not None and not await ends_within(left, _LOOK_UP_SECONDS):\n",
        "        if left is None and request is None:\n",
        why_silent="the attempt counts as unknown until its answer is on record: less, not wrong",
    ),
    Mutation(
        "a second run of a delivery begins beside the first",
        "activities/delivery.py",
        "        if (left := self._under_way.take(_key(request))) is not None:\n",
        "        if (left := None) is not None:\n",
        why_silent="it waits until the call has begun, and then for its end",
    ),
    Mutation(
        "the hold of a message that may be out is given back",
        _OUTREACH,
        "        if released.under_way is None:\n",
        "        if released:\n",
    ),
    Mutation(
        "a first try forgets what it waits for",
        _STEPS,
        '        request = request.model_copy(update={"wait": first.wait})\n',
        "",
        why_silent="the delivery looks once more, and finds what it waits for again",
    ),
    Mutation(
        "a run forgets its own opening",
        "activities/attempt_log.py",
        "        self._openings += opened\n",
        "",
    ),
    Mutation(
        "a claim is granted on whatever was read",
        "activities/deduplicator.py",
        "        recent=facts.recent,\n",
        "        recent=(),\n",
    ),
    Mutation(
        "an interrupted call is asked about at once",
        _RULES,
        "    (lambda s: _is_out(s) and not s.is_settled, Move.SETTLE),\n",
        "",
    ),
    Mutation(
        "a lost answer is followed by another call",
        _RULES,
        "    (lambda s: _is_out(s) and s.recovery is Recovery.NONE, Move.LOSE),\n",
        "",
    ),
    Mutation(
        "what may be out goes back to its workflow at night",
        _RULES,
        "    (lambda s: _is_out(s) and s.obstacle is Obstacle.NOT_NOW, Move.WAIT_FOR_HOURS),\n",
        "",
    ),
    Mutation(
        "what may be out is withdrawn as if it were not",
        _RULES,
        "    (lambda s: _is_out(s) and s.obstacle is Obstacle.FORBIDDEN, Move.LOSE),\n",
        "",
    ),
    Mutation(
        "an attempt with an outcome is made again",
        _RULES,
        "    (lambda s: s.known is Known.CONCLUDED, Move.ANSWER),\n",
        "",
        why_silent="no attempt with an outcome is opened, and its message's end stands",
    ),
    Mutation(
        "recipients leave the queue before they are started",
        "activities/dispatcher.py",
        "            started = await self._start(request.ref, page, done.next_sequence_number)\n",
        "            await self._runs.started(request.ref, page.message_ids)\n"
        "            started = await self._start(request.ref, page, done.next_sequence_number)\n",
    ),
    Mutation(
        "a campaign that hears of nothing more ends",
        "workflows/campaign.py",
        "        if stands not in FINAL_STATUSES or self._woken:\n            return False\n",
        "",
    ),
    Mutation(
        "a campaign does not look again after a command",
        "workflows/campaign.py",
        "details=details or {})\n        self._woken = True\n",
        "details=details or {})\n",
    ),
)
