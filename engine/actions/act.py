"""One action, done: the right performer for its kind, behind the call port."""

from __future__ import annotations

from typing import assert_never

from engine.actions import ask, consolidate, gate, spot_check
from engine.actions.situation import Outcome, Situation
from engine.calls.port import Calls
from engine.model.machine import AgentAct, AskAct, ConsolidateAct, GateAct, SpotCheckAct
from engine.model.step import Todo


async def act(todo: Todo, call: str, situation: Situation, calls: Calls) -> Outcome:
    """Carry out one action under its call id; whoever watches is told of it while it runs."""
    who = situation.machine.roles[todo.role].title if todo.role else f"gate {todo.act.id}"
    said = f"{who}: {todo.act.id}" if todo.role else who
    situation.watch.began(call, said, situation.story.story.path)
    try:
        return await _act(todo, call, situation, calls)
    finally:
        situation.watch.ended(call)


async def _act(todo: Todo, call: str, situation: Situation, calls: Calls) -> Outcome:
    match todo.act:
        case AgentAct() as agent:
            return await ask.ask(agent, todo, call, situation, calls)
        case GateAct() as run:
            return await gate.run_gate(run.run, call, situation, calls)
        case ConsolidateAct() as merge:
            return consolidate.consolidate(merge, situation)
        case SpotCheckAct() as check:
            return spot_check.spot_check(check, situation)
        case AskAct():
            raise AssertionError("a question to a person is no call")
        case _:
            assert_never(todo.act)
