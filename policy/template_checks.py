"""Violations of a template that no recipient's fields could mend, found before there is one.

They depend on no recipient: ranges, filters with arguments they cannot use, and values that
the template itself gives its filters and comparisons.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from liquid import RenderContext
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.primitive import IntegerLiteral, Literal, RangeLiteral
from liquid.exceptions import LiquidError, LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression

from madan_sara.policy.template_filters import require_arguments, signature_of
from madan_sara.policy.template_values import COMPARISONS, MissingField, ValueNotUsableError

#: Rounds of a loop, or of nested loops multiplied.
MAX_ITERATIONS: Final = 1_000


def require_usable(expression: Expression, context: RenderContext) -> None:
    """Refuse a part that could be filled in for no recipient.

    Args:
        expression: any part of a template.
        context: one of the template, without fields; pays for the attempts.

    Raises:
        LiquidError: it is such a part.
    """
    if isinstance(expression, RangeLiteral):
        _require_short(expression)
    elif isinstance(expression, Path) and not isinstance(expression.path[0], str):
        raise LiquidSyntaxError("a field is named by its own name", token=expression.token)
    elif isinstance(expression, FilteredExpression):
        _require_working(expression, context)
    elif type(expression) in COMPARISONS.values() and _is_constant(expression.children()):
        _tried(lambda: expression.evaluate(context), expression)


def _require_short(literal: RangeLiteral) -> None:
    """Refuse ranges that are long, or as long as a field says.

    Liquid's own loop limit comes too late: it walks a range for `offset`, `reversed`,
    `contains` and filters before it counts the rounds of a loop.
    """
    ends = [end.value for end in (literal.start, literal.stop) if isinstance(end, IntegerLiteral)]
    if len(ends) != 2 or ends[1] - ends[0] >= MAX_ITERATIONS:
        raise LiquidSyntaxError(
            f"a range takes two whole numbers and at most {MAX_ITERATIONS} steps, like (1..3)",
            token=literal.token,
        )


def _require_working(expression: FilteredExpression, context: RenderContext) -> None:
    """Use the filters on values that the template itself gives them."""
    known = isinstance(expression.left, Literal)
    value = expression.left.evaluate(context) if known else None
    for used in expression.filters or ():
        known = known and _is_constant(used.children())
        value = _tried(partial(_use, used, value, context, known=known), used)


def _use(used: Filter, value: object, context: RenderContext, *, known: bool) -> object:
    """Use a filter as far as the template gives its value."""
    arguments, options = used.evaluate_args(context)
    signature_of(context.env.filters[used.name]).bind(value, *arguments, **options)
    if known:
        return used.evaluate(value, context)
    given = [argument for argument in arguments if not isinstance(argument, MissingField)]
    require_arguments(used.name, given)
    return None


def _tried(use: Callable[[], object], where: Expression | Filter) -> object:
    """The value of a part of a template that depends on no recipient.

    Raises:
        LiquidSyntaxError: nothing does.
    """
    try:
        return use()
    except ValueNotUsableError as error:
        raise LiquidSyntaxError(str(error), token=where.token) from None
    except ResourceLimitError:
        raise
    except (LiquidError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
        named = f"the filter {where.name!r}" if isinstance(where, Filter) else "a comparison"
        words = f"{named} cannot work with what it is given"
        raise LiquidSyntaxError(words, token=where.token) from None


def _is_constant(expressions: Iterable[Expression]) -> bool:
    return all(isinstance(expression, Literal) for expression in expressions)
