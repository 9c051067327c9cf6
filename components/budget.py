"""A budget of the resource group: mails when what was spent, or what will be spent at this pace, passes a share of it.

It tells; it stops nothing: limits of pools do that. Does not own budgets of the subscription.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.naming import STEM
from components.records import judge, setting
from components.validation import MAIL, Problem, Rule, broken, each, matching, number, one_of, refuse, whole

_PERCENT = each(whole(1, 1000))
_MAILS = Rule(
    "must name at least one mail address, none twice",
    lambda value: bool(value) and each(MAIL).holds(value),
    {**each(MAIL).schema, "minItems": 1},
    each(MAIL).part,
)
MOST_NOTIFICATIONS = 5
"""ARM's limit for one budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings:
    """A budget. Amounts are in the currency of the billing account."""

    amount: float = setting("What may be spent in a period.", number(0, 1e9), lands="amount")
    start: str = setting(
        "The day it starts, the first of a month. It can't be changed later and is never taken from a clock.",
        matching(r"20\d\d-(0[1-9]|1[0-2])-01", "must be the first of a month, such as 2026-12-01"),
        lands="timePeriod.startDate",
    )
    mails: tuple[str, ...] = setting("Who is told.", _MAILS, lands="notifications[].contactEmails")
    period: str = setting(
        "How long a period is.", one_of("Monthly", "Quarterly", "Annually"), "Monthly", lands="timeGrain"
    )
    actual: tuple[int, ...] = setting(
        "Percentages of the amount; once that much was spent, mails are sent.",
        _PERCENT,
        (80, 100),
        lands="notifications, thresholdType Actual",
    )
    forecast: tuple[int, ...] = setting(
        "Percentages of the amount; when that much is going to be spent at this pace, mails are sent.",
        _PERCENT,
        (100,),
        lands="notifications, thresholdType Forecasted",
    )

    def conflicts(self) -> Iterator[Problem]:
        """ARM takes five notifications; a budget with none is silent."""
        for key, percentages in (("actual", self.actual), ("forecast", self.forecast)):
            if not percentages:
                yield Problem(key, [], "must have an entry")
        count = len(self.actual) + len(self.forecast)
        if count > MOST_NOTIFICATIONS:
            rule = f"and forecast must have at most {MOST_NOTIFICATIONS} entries together, and have {count}"
            yield Problem("actual", list(self.actual), rule)


@dataclass(frozen=True, slots=True)
class BudgetArgs:
    """Whose cost counts (the resource id of a group), the end of its name, and the settings."""

    scope: pulumi.Input[str]
    stem: str
    settings: BudgetSettings

    def problems(self) -> Iterator[Problem]:
        """What ARM would refuse, as far as it is known already."""
        yield from broken({"stem": STEM}, {"stem": self.stem})
        yield from judge(self.settings, "settings.")


class Budget(pulumi.ComponentResource):
    """A budget with notifications. Raises SettingsError for settings that ARM would refuse."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Budget {name}", args.problems())
        super().__init__("azure-batch:components:Budget", name, {"amount": args.settings.amount}, opts)
        azure.consumption.Budget(
            name,
            budget_name=f"budget-{args.stem}",
            scope=args.scope,
            category=azure.consumption.CategoryType.COST,
            amount=args.settings.amount,
            time_grain=args.settings.period,
            time_period=azure.consumption.BudgetTimePeriodArgs(start_date=f"{args.settings.start}T00:00:00Z"),
            notifications=notifications(args.settings),
            # ARM fills in an end date ten years on, which is no change of ours.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["timePeriod.endDate"]),
        )
        self.register_outputs({})


def notifications(settings: BudgetSettings) -> dict[str, azure.consumption.NotificationArgs]:
    """All notifications by name."""
    kinds = {"Actual": settings.actual, "Forecasted": settings.forecast}
    return {
        f"{kind}{share}": _notification(kind, share, settings) for kind, shares in kinds.items() for share in shares
    }


def _notification(kind: str, share: int, settings: BudgetSettings) -> azure.consumption.NotificationArgs:
    return azure.consumption.NotificationArgs(
        enabled=True,
        operator=azure.consumption.OperatorType.GREATER_THAN_OR_EQUAL_TO,
        threshold=share,
        threshold_type=kind,
        contact_emails=list(settings.mails),
    )
