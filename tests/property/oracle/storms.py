"""神谕: 手写的暴雨 Small storms, each aimed at a sentence or two of contract §5, with the records written by hand.

The expected lines were derived from the text on paper, never by running code; `storm` says how they read.
"""

from __future__ import annotations

from tests.property.oracle.storm import PLAUSIBLE, Storm, gauge, only, river, row, rule, series, stage

A, B, NEAR, FAR = gauge("A"), gauge("B", km=2), gauge("B", "T2", km=2), gauge("B", km=20)

STORMS: tuple[Storm, ...] = (
    # ---- 1 order
    Storm("at_once", "Up: at once, to the worst true level.", series("A", "10:00", 5, 35),
          "10:05 normal>orange threshold cond=orange trip=1"),
    Storm("one_record_a_batch", "One level record a batch and scope; first instant at which the new level held.",
          [row("A", "10:00", 12, "10:12"), row("A", "10:05", 32, "10:12"), row("A", "10:10", 33, "10:12")],
          "10:12 normal>orange threshold obs=10:05"),
    Storm("window_is_open_at_its_start", "windows (t − w, t]", series("A", "10:00", 15, 0, 0, 5), "",
          [rule(levels={"blue": [{"sum": "15min", "at_least": 20}]})]),
    Storm("above_is_strict", "at_least|at_most|above|below", series("A", "10:00", 10), "",
          [rule(levels={"blue": [{"sum": "5min", "above": 10}]})]),
    Storm("tenths_add_up", "sum … at_least (ten times 0.1 is 1)", series("A", "10:00", *["0.1"] * 10),
          "10:45 normal>blue threshold", [rule(levels={"blue": [{"sum": "1h", "at_least": 1}]})]),
    Storm("known_time_begins_the_hold", "Holds … run from the known time of the batch that began them.",
          series("A", "10:00", 35, 0, 0, 0, lag=2),
          "10:02 normal>orange threshold obs=10:00\n10:17 orange>normal hold cond=normal",
          [rule(levels=only("orange"), hold="10min")]),
    Storm("hold_nought", "a timer already due when it is set fires at once", series("A", "10:00", 35, 0),
          """10:00 normal>orange threshold
             10:05 orange>yellow hold
             10:05 yellow>blue hold
             10:05 blue>normal hold""", [rule(hold="0min")]),
    Storm("until_last_known", "default `--until` the last known time", series("A", "10:00", 35),
          "10:00 normal>orange threshold"),
    Storm("until_cuts", "--until TIME", series("A", "10:00", 5, 35), "", until="10:04"),
    Storm("order_of_output", "order known_at, fuse, scope, n",
          [*series("B", "10:00", 35), *series("A", "10:00", 12)],
          """10:00 normal>blue threshold in=T1
             10:00 normal>orange threshold in=T2""", stations=(A, NEAR)),
    # ---- 2 truth
    Storm("true_before_coverage", "true as soon as the data present suffice", series("A", "10:00", 60),
          "10:00 normal>orange threshold", [rule(levels={"orange": [{"sum": "3h", "at_least": 50}]})]),
    Storm("false_with_coverage", "*false* only with `coverage` of the expected intervals (8 of 10 suffice)",
          series("A", "10:00", 12, 0, 0, 0, 0, 0, 0, 0, None, None, 0, 0),
          "10:00 normal>blue threshold\n10:55 blue>normal hold",
          [rule(levels={"blue": [{"sum": "50min", "at_least": 10}]}, hold="5min", silence={"intervals": 6})]),
    Storm("unknown_without_coverage", "*false* only with `coverage`, else unknown (7 of 10 do not suffice)",
          series("A", "10:00", 12, 0, 0, 0, 0, 0, 0, None, None, None, 0, 0), "10:00 normal>blue threshold",
          [rule(levels={"blue": [{"sum": "50min", "at_least": 10}]}, hold="5min", silence={"intervals": 6})]),
    Storm("rise_needs_both_ends", "`rise` … need both ends within one interval",
          series("S", "10:00", 90, 90.4, 90.8, every=10, metric="stage_m"), "10:20 normal>blue threshold",
          [river(levels={"blue": [{"rise": "30min", "at_least": 0.4}]})],
          (stage("S"),)),
    Storm("rise_is_last_minus_lowest", "`rise` = last minus lowest in the window",
          series("S", "10:00", 90, 90.2, 90.5, 91.0, 91.5, every=10, metric="stage_m"), "10:40 normal>blue threshold",
          [river(levels={"blue": [{"rise": "30min", "at_least": 1}]})], (stage("S"),)),
    Storm("all_nests", "`all: […]` nests", series("A", "10:00", 6, 6, 12),
          "10:10 normal>blue threshold",
          [rule(levels={"blue": [{"all": [{"sum": "15min", "at_least": 10}, {"max": "15min", "at_least": 8}]}]})]),
    Storm("quorum_of_two", "Quorum: true at ≥ count stations",
          [*series("A", "10:00", 15, 15), *series("B", "10:00", 0, 12)],
          "10:05 normal>blue quorum", [rule(quorum={"count": 2})], (A, B)),
    Storm("quorum_false", "false only when true + unknown < count",
          [*series("A", "10:00", 15, 0, 0), *series("B", "10:00", 15, 15, 0)],
          "10:00 normal>blue quorum\n10:10 blue>normal hold", [rule(quorum={"count": 2}, hold="5min")], (A, B)),
    Storm("a_worse_level_counts_for_the_lower", "Conditions are evaluated per station, then `quorum` counts stations.",
          [*series("S", "10:00", 97, 97.4, 97.8, every=10, metric="stage_m"),
           *series("Z", "10:00", 98, 98, 98, every=10, metric="stage_m")],
          "10:20 normal>yellow quorum cond=yellow",
          [river(levels={"yellow": [{"value": "latest", "at_least": "station.stage_warning_m"}],
                         "red": [{"rise": "30min", "at_least": 0.5}]}, quorum={"count": 2})],
          (stage("S"), stage("Z"))),
    Storm("empty_column", "an empty column is unknown", series("S", "10:00", 101, every=10, metric="stage_m"), "",
          [river()], (stage("S", columns={"stage_guarantee_m": ""}),)),
    Storm("column_plus", "station.COLUMN+n", series("S", "10:00", 100.2, 100.6, every=10, metric="stage_m"),
          "10:10 normal>red threshold",
          [river(levels={"red": [{"value": "latest", "at_least": "station.stage_guarantee_m+0.5"}]})], (stage("S"),)),
    Storm("silent_high_is_unknown", "A station silent at or above `silence.above` counts as unknown",
          [*series("A", "10:00", 35, *[None] * 5, 0, 0, 0), *series("B", "10:00", *[0] * 9)],
          """10:00 normal>orange threshold
             10:10 orange>orange silence
             10:40 orange>normal hold""", [rule(levels=only("orange"), hold="10min")], (A, B)),
    Storm("silent_low_leaves", "other silent ones leave n",
          [*series("A", "10:00", 25), *series("B", "10:00", 0, 0, 0, 0, 0)],
          "10:00 normal>yellow threshold\n10:20 yellow>normal hold",
          [rule(levels=only("yellow"), hold="10min")], (A, B)),
    # ---- 3 quality
    Storm("doubtful_trips_unconfirmed", "doubtful ones trip unconfirmed", [row("A", "10:00", 35, quality="doubtful")],
          """10:00 normal>orange threshold ver=unconfirmed conf=normal
             10:05 orange>orange unverified ver=unverified conf=normal""", until="10:09"),
    Storm("doubtful_never_clears", "doubtful ones … never clear",
          [*series("A", "10:00", 12), row("A", "10:05", 0, quality="doubtful"),
           row("A", "10:10", 0, quality="doubtful"), *series("A", "10:15", 0, 0)],
          "10:00 normal>blue threshold\n10:20 blue>normal hold", [rule(hold="5min", coverage="80%")]),
    Storm("bad_missing_test", "bad, missing and test do neither",
          [row("A", "10:00", 45, quality="bad"), row("A", "10:05", 45, quality="test"),
           row("A", "10:10", None, quality="missing")], "", until="11:00"),
    Storm("out_of_bounds", "Outside `minimum..maximum` a reading is bad", series("A", "10:00", 501), "", until="11:00"),
    Storm("too_fast", "faster than `max_change_per_min` against the last good one it is doubtful",
          series("S", "10:00", 90, 101, every=10, metric="stage_m"),
          """10:10 normal>red threshold ver=unconfirmed conf=normal
             10:15 red>red unverified ver=unverified conf=normal""", [river()], (stage("S"),), "10:19"),
    Storm("three_agree", "doubtful, until three in a row agree (the third is good and clears)",
          [*series("S", "10:00", 100.1, 90, 90.1, 90.2, 90.2, every=10, metric="stage_m")],
          "10:00 normal>red threshold\n10:40 red>normal hold", [river(hold="10min")], (stage("S"),)),
    Storm("blind_on_and_off", "Fewer living than `minimum`: `blind`, recorded on and off.",
          [*series("A", "10:00", 1), *series("A", "10:30", 1)],
          """10:10 normal>normal blind blind=yes
             10:30 normal>normal blind"""),
    Storm("living_is_less_than", "observed less than `silence.intervals` × report_s ago", series("A", "10:00", 1, 1),
          "10:15 normal>normal blind blind=yes", until="10:15"),
    Storm("report_s_not_interval_s", "silence and living use report_s", series("A", "10:00", 1),
          "11:00 normal>normal blind blind=yes", stations=(gauge("A", report_s=1800),), until="11:30"),
    Storm("never_had_one", "A scope that never had one is blind without a record.", series("A", "10:00", 1), "",
          stations=(A, NEAR), until="10:09"),
    # ---- 5 unconfirmed
    Storm("alone_is_unconfirmed", "A level that is not plausible rises `unconfirmed`; neither within `confirm_after`",
          series("A", "10:00", 45, 45),
          """10:00 normal>red threshold ver=unconfirmed conf=orange
             10:05 red>red unverified ver=unverified conf=orange""", [rule(plausible=PLAUSIBLE)]),
    Storm("second_source", "at the next lower level or higher; that reading is also the second source which confirms",
          [*series("A", "10:00", 45), *series("B", "10:03", 32)],
          """10:00 normal>red threshold ver=unconfirmed conf=orange
             10:03 red>red confirmed conf=red""", [rule(plausible=PLAUSIBLE)], (A, B), "10:06"),
    Storm("second_source_elsewhere", "another station, same metric, within radius and time",
          [*series("A", "10:00", 45), *series("B", "10:03", 32)],
          """10:00 normal>red threshold ver=unconfirmed conf=orange
             10:03 red>red confirmed conf=red
             10:03 normal>orange threshold in=T2""", [rule(plausible=PLAUSIBLE)], (A, NEAR), "10:06"),
    Storm("two_lower_is_no_source", "at the next lower level or higher",
          [*series("A", "10:00", 45), *series("B", "10:03", 25)],
          """10:00 normal>red threshold ver=unconfirmed conf=orange
             10:05 red>red unverified ver=unverified conf=orange""", [rule(plausible=PLAUSIBLE)], (A, B), "10:06"),
    Storm("too_far", "within radius", [*series("A", "10:00", 45), *series("B", "10:03", 45)],
          """10:00 normal>red threshold ver=unconfirmed conf=orange
             10:05 red>red unverified ver=unverified conf=orange""", [rule(plausible=PLAUSIBLE)], (A, FAR), "10:06"),
    Storm("plausible_at_once", "Plausible = another station …", [*series("A", "10:00", 45), *series("B", "10:00", 32)],
          "10:00 normal>red threshold", [rule(plausible=PLAUSIBLE)], (A, B)),
    Storm("plausible_by_the_past", "within … time", [*series("B", "9:40", 32, 0, 0, 0, 0), *series("A", "10:00", 45)],
          "9:40 normal>orange threshold\n10:00 orange>red threshold", [rule(plausible=PLAUSIBLE)], (A, B)),
    Storm("confirm_after_from_known", "`confirm_after` run from the known time", [row("A", "10:00", 45, "10:02")],
          """10:02 normal>red threshold obs=10:00 ver=unconfirmed conf=orange
             10:09 red>red unverified ver=unverified conf=orange""",
          [rule(plausible=PLAUSIBLE, confirm_after="7min")], until="10:09"),
    Storm("time_is_of_the_station_itself", "another station … within radius and time (of what it confirms)",
          [*series("A", "10:00", 45), *series("B", "10:10", 45), *series("C", "10:35", 32)],
          """10:00 normal>red threshold ver=unconfirmed conf=orange
             10:05 red>red unverified ver=unverified conf=orange
             10:10 red>red silence ver=unverified conf=orange
             10:20 red>red silence ver=unverified conf=orange
             10:20 red>red blind ver=unverified conf=orange blind=yes
             10:35 normal>orange threshold in=T2""",
          [rule(plausible=PLAUSIBLE)], (A, FAR, gauge("C", "T2", km=2))),
    Storm("second_source_for_what_was_stepped_to",
          "within radius and time (of when that level was last said)",
          [*series("B", "10:05", 45, 35), row("A", "10:40", 35)],
          """10:05 normal>red threshold ver=unconfirmed conf=normal in=T2
             10:10 red>red unverified ver=unverified conf=normal in=T2
             10:10 red>yellow hold ver=unverified conf=normal in=T2
             10:20 yellow>yellow blind ver=unverified conf=normal in=T2 blind=yes
             10:40 normal>yellow threshold
             10:40 yellow>yellow confirmed in=T2 blind=yes""",
          [rule(levels=only("yellow", "red"), hold="0min", plausible={"yellow": PLAUSIBLE["red"], **PLAUSIBLE})],
          (A, NEAR)),
    Storm("a_worse_level_bears_the_lower_ones", "confirmed_level, the worst level confirmed without it",
          series("S", "10:00", 97, 97.4, 97.8, every=10, metric="stage_m"),
          """10:20 normal>red threshold ver=unconfirmed conf=yellow cond=red
             10:25 red>red unverified ver=unverified conf=yellow""",
          [river(levels={"yellow": [{"value": "latest", "at_least": "station.stage_warning_m"}],
                         "red": [{"rise": "30min", "at_least": 0.5}]}, plausible=PLAUSIBLE)],
          (stage("S"),), "10:29"),
    # ---- 6 down
    Storm("deadband_percent", "*false* with deadband: 19 and 18 are within ten per cent of 20",
          series("A", "10:00", 20, 19, 18, 17.9, 0, 0), "10:00 normal>yellow threshold\n10:25 yellow>normal hold",
          [rule(levels=only("yellow"), deadband="10%", hold="10min")]),
    Storm("deadband_amount", "an amount in the metric's unit (the only form for levels such as a stage)",
          series("S", "10:00", 100.2, 99.7, 99.4, 99.4, 99.4, every=10, metric="stage_m"),
          "10:00 normal>red threshold\n10:40 red>normal hold", [river(deadband=0.5, hold="20min")], (stage("S"),)),
    Storm("one_level_at_a_time", "then one level of those that the rule defines; the next no earlier than `hold` later",
          series("A", "10:00", 35, 0, 0, 0, 0, 0),
          """10:00 normal>orange threshold trip=1
             10:15 orange>blue hold trip=1 cond=normal
             10:25 blue>normal hold trip=1 cond=normal""", [rule(levels=only("blue", "orange"), hold="10min")]),
    Storm("second_trip", "trip_id `fuse/scope/number of opening`", series("A", "10:00", 12, 0, 0, 12),
          """10:00 normal>blue threshold trip=1
             10:10 blue>normal hold trip=1
             10:15 normal>blue threshold trip=2""", [rule(hold="5min")]),
    Storm("true_breaks_the_hold", "without a break", series("A", "10:00", 12, 0, 12, 0, 0, 0),
          "10:00 normal>blue threshold\n10:25 blue>normal hold", [rule(hold="10min")]),
    Storm("unknown_when_it_would_have_ended", "unknown breaks it: one `unknown` record when it would have ended",
          series("A", "10:00", 35, 0, 0),
          """10:00 normal>orange threshold
             10:20 orange>orange blind blind=yes
             10:25 orange>orange unknown blind=yes""", [rule(levels=only("orange"), hold="20min")], until="12:00"),
    Storm("unknown_then_false_again", "unknown breaks it",
          series("A", "10:00", 35, 0, 0, 0, 0, 0, 0, None, None, 0, 0, 0, 0, 0, 0, 0, 0),
          """10:00 normal>orange threshold
             10:45 orange>orange unknown
             11:20 orange>normal hold""",
          [rule(levels={"orange": [{"sum": "25min", "at_least": 30}]}, hold="20min", silence={"intervals": 6})]),
    # ---- 7 latch
    Storm("latched_once", "one record with `to` = `from`, reason … `latched`; again only when that set … changes",
          series("A", "10:00", 35, 0, 0, 0, 0, 0, 0, 0),
          "10:00 normal>orange threshold\n10:15 orange>orange latched cond=normal refused=latch",
          [rule(hold="10min", latch="orange")]),
    Storm("true_empties_the_set", "A true condition empties the set.",
          series("A", "10:00", 35, 0, 0, 0, 35, 0, 0, 0),
          """10:00 normal>orange threshold
             10:15 orange>orange latched refused=latch
             10:35 orange>orange latched refused=latch""", [rule(hold="10min", latch="orange")]),
    Storm("latched_may_rise", "the level stays exactly where it is, and may still rise",
          series("A", "10:00", 35, 0, 0, 0, 45, 0, 0, 0),
          """10:00 normal>orange threshold trip=1
             10:15 orange>orange latched refused=latch
             10:20 orange>red threshold trip=1
             10:35 red>red latched refused=latch""", [rule(hold="10min", latch="orange")]),
    Storm("below_the_latch", "at `latch` and above", series("A", "10:00", 25, 0, 0, 0),
          "10:00 normal>yellow threshold\n10:15 yellow>normal hold",
          [rule(levels=only("yellow", "orange"), hold="10min", latch="orange")]),
    # ---- 8 silence
    Storm("silence_before_blind", "reason `silence`, before any `blind` of that instant", series("A", "10:00", 35),
          """10:00 normal>orange threshold
             10:10 orange>orange silence
             10:10 orange>orange blind blind=yes""", until="10:40"),
    Storm("silence_below", "a level at or above `above`", series("A", "10:00", 25),
          "10:00 normal>yellow threshold\n10:10 yellow>yellow blind blind=yes", until="10:40"),
    Storm("silence_raises", "`raise` raises one level, unconfirmed", series("A", "10:00", 35),
          """10:00 normal>orange threshold
             10:10 orange>red silence ver=unconfirmed conf=orange
             10:10 red>red blind ver=unconfirmed conf=orange blind=yes
             10:15 red>red unverified ver=unverified conf=orange blind=yes""",
          [rule(silence={"intervals": 2, "above": "orange", "then": "raise"})], until="10:40"),
    Storm("red_stays_red", "(red stays red)", series("A", "10:00", 45),
          """10:00 normal>red threshold
             10:10 red>red silence
             10:10 red>red blind blind=yes""",
          [rule(silence={"intervals": 2, "above": "orange", "then": "raise"})], until="10:40"),
    Storm("second_source_after_a_silence", "a second source (never the same station) makes it `confirmed`",
          [row("A", "10:00", 35), row("B", "10:00", 30), row("C", "10:16", 0), row("B", "10:20", 32)],
          """10:00 normal>orange threshold
             10:10 orange>red silence ver=unconfirmed conf=orange
             10:10 red>red silence ver=unconfirmed conf=orange
             10:10 red>red blind ver=unconfirmed conf=orange blind=yes
             10:15 red>red unverified ver=unverified conf=orange blind=yes
             10:16 red>red blind ver=unverified conf=orange
             10:20 red>red confirmed""",
          [rule(plausible=PLAUSIBLE, silence={"intervals": 2, "above": "orange", "then": "raise"})],
          (A, B, gauge("C", km=20))),
    # ---- 9 late, revisions, duplicates, clocks
    Storm("late_crossing", "reason `late`, observed_at the first crossing, known_at the arrival",
          [*series("A", "10:00", 0, 0, 0), row("A", "10:02", 35, "10:12")], "10:12 normal>orange late obs=10:02"),
    Storm("late_and_long_ago", "if the crossing is younger than 6 h, else record only",
          [*series("A", "10:00", *[0] * 9, every=60), row("A", "10:30", 35, "17:30")],
          """17:30 normal>normal late obs=10:30
             18:00 normal>orange threshold""",
          [rule(levels={"orange": [{"sum": "12h", "at_least": 30}]})], (gauge("A", interval_s=3600, report_s=3600),)),
    Storm("late_never_lowers", "a crossing that a revision removes lowers `condition` and goes by 6",
          [*series("A", "10:00", 35, 0, 0), row("A", "10:00", 5, "10:03")],
          "10:00 normal>orange threshold\n10:13 orange>normal hold cond=normal",
          [rule(levels=only("orange"), hold="10min")], until="10:13"),
    Storm("revision_upward", "another value is a revision", [*series("A", "10:00", 5), row("A", "10:00", 35, "10:03")],
          "10:03 normal>orange threshold obs=10:00"),
    Storm("same_again", "Same (station, metric, observed_at, value) again changes nothing",
          [*series("A", "10:00", 35), row("A", "10:00", 35, "10:04")], "10:00 normal>orange threshold"),
    Storm("too_old", "older than `max_lateness` (7 d) is stored and moves nothing",
          [row("A", "10:00", 45, f"{24 * 8}:00")], "", until=f"{24 * 8 + 1}:00"),
    Storm("clock_ahead", "over 2 min ahead of receipt … doubtful, and places it at receipt time",
          [row("A", "10:10", 35, "10:00")], "10:00 normal>orange threshold ver=unconfirmed conf=normal"),
    Storm("clock_two_minutes_ahead", "over 2 min ahead", [row("A", "10:02", 35, "10:00")],
          "10:00 normal>orange threshold obs=10:02"),
    Storm("silent_since_but_living_then", "Living = … observed less than `silence.intervals` × report_s ago",
          [row("A", "10:00", 0), row("A", "10:00", 35, "10:30")],
          """10:10 normal>normal blind blind=yes
             10:30 normal>orange threshold obs=10:00 blind=yes
             10:30 orange>orange silence blind=yes""", [rule(levels=only("orange"))]),
    Storm("late_and_over_beside_one_in_time", "what it would be now had it been known in time (over by now)",
          [row("B", "10:00", 45, "10:20"), row("B", "10:05", 0), row("A", "10:20", 45)],
          "10:20 normal>red threshold", [rule(levels=only("red"), hold="0min", silence={"intervals": 6})], (A, B)),
    Storm("clock_a_little_ahead_lives", "observed less than `silence.intervals` × report_s ago; over 2 min ahead",
          [row("A", "10:00", 0), row("A", "10:14", 0, "10:12")],
          "10:10 normal>normal blind blind=yes\n10:12 normal>normal blind obs=10:14"),
    Storm("late_unknown_would_have_kept_it", "what it would be now had it been known in time; unknown breaks it",
          [*series("A", "10:07", 25, 0), row("B", "10:07", 10, "10:15")],
          """10:07 normal>blue threshold trip=1
             10:12 blue>normal hold trip=1
             10:15 normal>blue late obs=10:07 trip=2""",
          [rule(levels={"blue": [{"max": "5min", "at_least": 10}]}, hold="0min")],
          (gauge("A", report_s=900), gauge("B", report_s=900))),
    Storm("late_within_the_deadband_keeps_it", "what it would be now had it been known in time (confirmed as it was)",
          [*series("A", "10:00", 35, 0, 0, 0, None, 0, 0, 0, 0), row("A", "10:20", 28, "10:42")],
          """10:00 normal>orange threshold trip=1
             10:35 orange>normal hold trip=1
             10:42 normal>orange late obs=10:20 trip=2""", [rule(levels=only("orange"), deadband="10%")]),
    Storm("late_rise_is_refused_anew", "one record …; again only when that set or the level changes",
          [*series("A", "10:05", 25, 0), row("A", "10:05", 35, "10:13")],
          """10:05 normal>yellow threshold
             10:10 yellow>yellow latched refused=latch
             10:13 yellow>orange late obs=10:05
             10:13 orange>orange latched refused=latch""",
          [rule(levels=only("yellow", "orange"), latch="blue", hold="0min")]),
    Storm("late_lower_level_by_good_readings", "`confirmed_level`, the worst level confirmed without it",
          [row("A", "10:27", 45, "10:47"), row("A", "10:42", 0), row("B", "10:25", 40, quality="doubtful"),
           row("B", "10:35", 30)],
          """10:45 normal>normal silence blind=yes
             10:47 normal>red late obs=10:27 ver=unconfirmed conf=orange blind=yes
             10:52 red>red unverified ver=unverified conf=orange blind=yes""",
          [rule(levels={"orange": [{"sum": "5min", "at_least": 30}], "red": [{"sum": "15min", "at_least": 40}]},
                quorum={"count": 2, "minimum": 3})], (A, B), "10:53"),
    Storm("never_the_same_station_late", "a second source (never the same station)",
          [row("S", "10:20", 100.1, "10:17", metric="stage_m"), row("S", "10:00", 100.1, "10:22", metric="stage_m")],
          """10:17 normal>red threshold ver=unconfirmed conf=normal
             10:22 red>red unverified ver=unverified conf=normal""", [river()], (stage("S", report_s=1800),)),
    Storm("not_late_at_the_newest", "Late = observed before the newest observed_at that this scope has evaluated.",
          [row("B", "10:15", 0), row("A", "10:10", 0, "10:21"), row("A", "10:15", 25, "10:21")],
          "10:21 normal>yellow threshold obs=10:15", [rule(levels=only("yellow"))], (A, B)),
    Storm("counter", "Cumulative counters are differenced with reset",
          series("A", "10:00", 100, 104, 3, 15, metric="counter_mm"), "10:15 normal>blue threshold",
          [rule(metric="counter_mm", levels={"blue": [{"sum": "5min", "at_least": 10}]})],
          (gauge("A", metrics=("counter_mm",)),)),
    Storm("late_second_source", "a second source (never the same station) makes it `confirmed`",
          [row("A", "10:00", 35, quality="doubtful"), row("B", "10:02", 0), row("B", "10:00", 32, "10:03"),
           row("A", "10:05", 0, "10:03")],
          """10:00 normal>orange threshold ver=unconfirmed conf=normal
             10:03 orange>orange confirmed obs=10:00""", [rule(levels=only("orange"))], (A, B)),
    Storm("enough_lived_only_then", "Fewer living than `minimum`: `blind`; observed less than … ago",
          [row("B", "10:00", 12), row("A", "10:05", 12, "10:13")],
          "10:13 normal>blue quorum obs=10:05 blind=yes",
          [rule(levels={"blue": [{"max": "15min", "at_least": 10}]}, quorum={"count": 2, "minimum": 2})], (A, B)),
    Storm("first_of_a_counter_lives", "Living = a usable (good or doubtful) reading",
          [row("A", "10:00", 100, metric="counter_mm"), *series("B", "10:12", 100, 100, metric="counter_mm", lag=6)],
          "10:10 normal>normal blind blind=yes\n10:18 normal>normal blind obs=10:12",
          [rule(metric="counter_mm")], (gauge("A", metrics=("counter_mm",)), gauge("B", metrics=("counter_mm",))),
          "10:18"),
    Storm("late_and_silent_since", "had it been known in time; a timer already due … fires at once",
          [row("A", "10:15", 0), row("A", "10:10", 20, "10:55")],
          """10:30 normal>normal blind blind=yes
             10:55 normal>yellow late obs=10:10 blind=yes
             10:55 yellow>red silence ver=unconfirmed conf=yellow blind=yes""",
          [rule(levels={name: [{"max": "30min", "at_least": bound}] for name, bound in (("yellow", 20), ("red", 40))},
                silence={"intervals": 3, "above": "yellow", "then": "raise"})]),
    Storm("late_would_have_kept_it", "The level becomes what it would be now had it been known in time",
          [*series("A", "10:00", 35, 0, 0, 0, None, 0, 0, 0, 0), row("A", "10:20", 35, "10:42")],
          """10:00 normal>orange threshold trip=1
             10:35 orange>normal hold trip=1
             10:42 normal>orange late obs=10:20 trip=2""", [rule(levels=only("orange"))]),
    Storm("late_too_weak_to_keep_it", "the level … what it would be now (it would have stepped down by now)",
          [*series("A", "10:00", 35, 0, None, 0, 0, 0, 0, 0, 0), row("A", "10:10", 35, "10:40")],
          "10:00 normal>orange threshold trip=1\n10:15 orange>normal hold trip=1",
          [rule(levels=only("orange"), hold="10min")]),
    Storm("late_makes_silence_high", "a timer already due … fires at once; counts as unknown until it reports",
          [*series("A", "10:00", *[0] * 11), *series("B", "10:00", 0, 0), row("B", "10:05", 35, "10:20")],
          """10:20 normal>orange late obs=10:05
             10:20 orange>orange silence""", [rule(levels=only("orange"), hold="10min")], (A, B)),
    Storm("good_below_a_doubtful_level", "`confirmed_level`, the worst level confirmed without it",
          [row("A", "10:00", 45, quality="doubtful"), *series("A", "10:05", 12, 25, 35)],
          """10:00 normal>red threshold ver=unconfirmed conf=normal
             10:05 red>red confirmed ver=unconfirmed conf=blue
             10:05 red>red unverified ver=unverified conf=blue
             10:10 red>red confirmed ver=unverified conf=yellow
             10:15 red>red confirmed ver=unverified conf=orange
             10:15 red>orange hold conf=orange cond=orange""", [rule(hold="10min")]),
    Storm("no_sustained_across_a_gap", "`sustained` never completes across a gap of over two",
          [row("S", f"10:{at:02}", 101, metric="stage_m") for at in (0, 10, 31, 40)], "",
          [river(levels={"red": [{"sustained": "40min", "at_least": 100}]}, silence={"intervals": 4})], (stage("S"),)),
    Storm("sustained_across_two", "a gap of over two (two intervals are not over two)",
          [row("S", f"10:{at:02}", 101, metric="stage_m") for at in (0, 10, 30, 40)],
          "10:30 normal>red threshold",
          [river(levels={"red": [{"sustained": "40min", "at_least": 100}]}, silence={"intervals": 4})], (stage("S"),)),
    # ---- scopes
    Storm("per_station", "`per: station` ids are station ids", [*series("A", "10:00", 12), *series("B", "10:00", 0)],
          "10:00 normal>blue threshold in=A", [rule(per="station")], (A, B)),
    Storm("serves", "A scope's stations are those that `serves` it, else those in its region",
          series("B", "10:00", 12), "10:00 normal>blue threshold in=T1\n10:00 normal>blue threshold in=T2",
          stations=(A, gauge("B", "T2", serves=("T1",)))),
)  # fmt: skip
