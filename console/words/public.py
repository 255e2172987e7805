"""公众页用语 Short sentences that are understood at once and read aloud well; no dialect, no jargon. Chinese first."""

from __future__ import annotations

from collections.abc import Mapping

EMERGENCY: tuple[tuple[str, tuple[str, str]], ...] = (
    ("119", ("消防救援", "fire and rescue")),
    ("120", ("急救", "ambulance")),
    ("110", ("公安", "police")),
)

TEXT: Mapping[str, tuple[str, str]] = {
    "title": ("避险与求助", "Safety and help"),
    "other_lang": ("English", "中文"),
    "lang_missing": (
        "没有“{lang}”的页面，显示中文。",
        "This page is not available in “{lang}”; it is shown in English.",
    ),
    "exercise": ("演练，不是真实险情", "EXERCISE, not a real emergency"),
    "exercise_real": ("真有危险，马上打", "In real danger call"),
    "exercise_running": ("正在演练：", "Running drill: "),
    "skip": ("跳到出路", "Skip to the way out"),
    "realm_unknown": (
        "暂时连不上系统，下面的内容可能不全。",
        "The system cannot be reached: what follows is incomplete.",
    ),
    # help, always in reach
    "need_help": ("我需要帮助", "I need help"),
    "i_am_safe": ("我平安", "I am safe"),
    "call": ("打 {number}", "Call {number}"),
    "call_also": ("同时请拨打 119 / 120。", "Also call 119 or 120."),
    "call_also_why": (
        "网上求助不能代替打电话。",
        "A message here does not replace the call.",
    ),
    "tell_us": ("报平安 · 求助", "Tell us: safe, or need help"),
    # where
    "here": ("您的地点", "Your place"),
    "here_position": ("手机定位，在 {town} 一带", "your phone's position, near {town}"),
    "change": ("换地点", "Change place"),
    "choose": ("先选您在哪里", "First: where are you?"),
    "choose_town": ("乡镇、街道", "Township or street"),
    "choose_place": ("村、社区、单位", "Village, community or house"),
    "choose_go": ("看这里", "Show"),
    "choose_finer": (
        "选到村或单位，才能告诉您怎么走。",
        "Choose a village or house to be told the way.",
    ),
    "locate": ("用手机定位", "Use my position"),
    "locating": ("正在定位…", "Looking for your position…"),
    "locate_failed": (
        "定位没成功。请从下面选地点。",
        "Your position was not found. Choose your place below.",
    ),
    "locate_off": (
        "没有网络。按您现在的位置，存下来的避难点是：",
        "No network. Seen from where you are, the saved shelters are:",
    ),
    "straight": ("直线 {metres} 米，{compass}", "{metres} m in a straight line, {compass}"),
    "offline_caution": (
        "这是以前存下的，可能已过时。直线不是路。避开河沟、陡坡和危险区。",
        "This was saved earlier and may be out of date. A straight line is no path. Avoid streams and slopes.",
    ),
    "offline_inside": ("您可能在危险区里，马上离开！", "You may be inside a danger area. Leave now!"),
    "unknown_place": ("没有这个地点，请重新选。", "There is no such place. Choose again."),
    "elsewhere": (
        "这个位置不在本区县。请看当地的通知。",
        "This position is not in this district. Follow the local authorities.",
    ),
    # the way out
    "way": ("我的出路", "My way out"),
    "way_inside": ("您在危险区里。现在就走！", "You are in a danger area. Leave now!"),
    "way_route": ("您这里要转移。现在就走！", "You are to leave this place. Go now!"),
    "way_no_route": ("没有找到能走的路", "No way out was found"),
    "way_no_route_do": (
        "往高处走，离开河沟和陡坡。马上打 119。",
        "Go to higher ground, away from streams and steep slopes. Call 119 now.",
    ),
    "way_calm": ("您这里目前不用转移", "You need not leave this place at the moment"),
    "way_calm_do": (
        "情况会变。留意广播和村干部的通知，过一会儿再看本页。",
        "This can change. Listen to loudspeakers and your village, and look here again soon.",
    ),
    "way_calm_wide": (
        "只知道{place}中心一带目前不用转移。您站的地方安全不安全，不知道。",
        "Only the middle of {place} is known not to be evacuated now. Whether it is safe where you stand is not known.",
    ),
    "way_wide_from": (
        "从{place}的中心算起。离得远，请用手机定位。",
        "Counted from the middle of {place}. If you are far from it, use your position.",
    ),
    "way_unknown": ("不知道您这里安全不安全", "It is not known whether you are safe here"),
    "way_unknown_do": (
        "不知道，不等于安全。听村（社区）干部安排；水涨、地裂、有响声，马上往高处走，打 119。",
        "Not known does not mean safe. Do as your village says. If water rises, the ground cracks or rumbles, "
        "go to higher ground and call 119.",
    ),
    "way_no_plan": ("现在没有转移方案", "No evacuation plan is in force"),
    "way_no_plan_do": (
        "没有方案，不等于安全。听村（社区）干部安排；水涨、地裂、有响声，马上往高处走，打 119。",
        "No plan does not mean safe. Do as your village says. If water rises, the ground cracks or rumbles, "
        "go to higher ground and call 119.",
    ),
    "way_away": ("现在查不到出路", "The way out cannot be looked up now"),
    "way_choose": ("还没选地点，不知道您怎么走", "Without your place, your way is not known"),
    "show_name": ("把这个名字给人看，问路。", "Show this name to people to ask the way."),
    "this_shelter": ("这个避难点：", "This shelter: "),
    "go_to": ("去", "Go to"),
    "far": ("约 {metres} 米", "about {metres} m"),
    "far_km": ("约 {km} 公里", "about {km} km"),
    "walk": ("走路约 {minutes} 分钟", "about {minutes} min on foot"),
    "steps": ("怎么走", "How to get there"),
    "basis_approved": ("明白卡上的路线，经过核定。", "The approved route of your evacuation card."),
    "basis_computed": (
        "参考路线，未经现场核实。现场干部另有指引的，听现场的。",
        "Reference route, not checked on the spot. Where people on the spot say otherwise, follow them.",
    ),
    "do_not_return": (
        "不要回去拿东西。没有通知，不要返回。",
        "Do not go back for things. Do not return before you are told.",
    ),
    "refuge": ("最近的避险点", "Nearest refuge"),
    "refuge_far": ("直线 {metres} 米", "{metres} m in a straight line"),
    "sketch": ("示意图", "Sketch"),
    "sketch_alt": (
        "示意图：红色斜线是危险区，绿线是路线，方块是避难点，圆点是您的地点。文字说明在上面。",
        "Sketch: red hatching is the danger area, the green line the way, the square the shelter, the dot your place. "
        "The words are above.",
    ),
    "phone_here": ("救援电话", "Rescue"),
    # shelters
    "shelters": ("附近的避难点", "Shelters nearby"),
    "shelter_open": ("已开门", "open"),
    "shelter_opening": ("正在开门", "being opened"),
    "shelter_closed": ("还没开门", "not open yet"),
    "shelter_full": ("已满，不要去", "full: do not go"),
    "shelter_unusable": ("不能用，不要去", "cannot be used: do not go"),
    "shelter_unknown": ("开没开门不知道", "not known whether it is open"),
    "shelter_danger": ("在危险区内或不适用，不要去", "in a danger area or unfit: do not go"),
    "shelter_doubt": ("现在能不能用，不知道", "not known whether it can be used now"),
    "accessible": ("轮椅可进", "wheelchair access"),
    "shelters_away": ("现在查不到避难点。", "Shelters cannot be looked up now."),
    # areas
    "zones": ("危险区", "Danger areas"),
    "zones_some": (
        "{town}有危险区正在生效（{hazards}）：不要进入，不要返回。",
        "Danger areas are in force in {town} ({hazards}): do not enter, do not return.",
    ),
    "zones_undrawn": (
        "还有转移指令没有画出范围，听现场通知。",
        "There is an evacuation order whose area is not drawn yet: follow the people on the spot.",
    ),
    # alerts
    "alerts": ("现在的预警", "Alerts in force"),
    "alerts_none": ("没有查到已发布的预警。", "No released alert was found."),
    "alerts_none_do": (
        "没有预警，不等于没有危险。",
        "No alert does not mean no danger.",
    ),
    "alerts_away": (
        "现在查不到预警，不等于没有预警。",
        "Alerts cannot be looked up now. That does not mean there are none.",
    ),
    "alerts_old": (
        "现在连不上预警系统。下面是 {at} 查到的，可能已过时。",
        "The alert system cannot be reached. This is from {at} and may be out of date.",
    ),
    "alert_by": ("{body}发布", "released by {body}"),
    "alert_sent": ("{at} 发布", "released {at}"),
    "alert_until": ("有效至 {at}", "valid until {at}"),
    "alert_expired": ("已过有效期，但没有解除", "past its time, but not ended"),
    "alerts_ended": ("最近解除的", "Ended lately"),
    "not_return": ("解除预警，不等于允许返回。", "An ended alert is not leave to return."),
    "level_red": ("红色", "RED"),
    "level_orange": ("橙色", "ORANGE"),
    "level_yellow": ("黄色", "YELLOW"),
    "level_blue": ("蓝色", "BLUE"),
    "level_normal": ("提示", "NOTE"),
    # time
    "as_of": ("查询时间 {at}", "Looked up {at}"),
    "refresh": ("再查一次", "Look again"),
    "stale": (
        "这是以前的内容，可能已过时！",
        "This is from before and may be out of date!",
    ),
    "stale_age": ("查到的时间：", "Looked up: "),
    "stale_do": (
        "现在连不上。不要当作现在的情况，不要当作安全。需要救援打 119。",
        "There is no connection. Do not take it for the situation now, nor for safe. To be rescued call 119.",
    ),
    "aged": ("本页开着已超过 5 分钟，请再查一次。", "This page has been open for over 5 minutes. Look again."),
    "ago_minutes": ("{n} 分钟前", "{n} min ago"),
    "ago_hours": ("{n} 小时前", "{n} h ago"),
    "offline_title": ("没有网络", "No connection"),
    "offline_text": (
        "这个页面没有存下来。不知道您那里的情况，不知道不等于安全。",
        "This page was not saved. The situation at your place is not known, and not known does not mean safe.",
    ),
    # report
    "report_help": ("求助", "Ask for help"),
    "report_safe": ("报平安", "Say that I am safe"),
    "report_first": ("先打电话", "Call first"),
    "report_then": (
        "打不通，或者打完了，按下面发出。来不及就什么都不填。",
        "Not getting through, or done? Send below. If there is no time, fill in nothing.",
    ),
    "report_safe_note": (
        "报了平安，还没有人核实。情况变了请再报。",
        "It is not verified until somebody looks. Report again if things change.",
    ),
    "needs": ("怎么了（可多选）", "What is wrong (tick all)"),
    "need_trapped": ("被困，出不来", "Trapped, cannot get out"),
    "need_injured": ("有人受伤", "Somebody is hurt"),
    "need_medical": ("急需药、吸氧、透析，或要生了", "Medicine, oxygen, dialysis or birth"),
    "need_bedridden": ("有人走不动", "Somebody cannot walk"),
    "need_children": ("有小孩", "There are children"),
    "people": ("一共几个人", "How many people"),
    "your_phone": ("电话", "Phone"),
    "your_name": ("姓名", "Name"),
    "where": ("在哪里（几组、几号、几楼）", "Where exactly (house, floor)"),
    "words": ("还想说的", "Anything else"),
    "attach_position": ("附上手机定位", "Add my position"),
    "position_added": ("已附上定位", "Position added"),
    "send_help": ("发出求助", "Send: I need help"),
    "send_safe": ("发出：我平安", "Send: I am safe"),
    "send_now": ("马上发出，不填", "Send now, fill in nothing"),
    "privacy": (
        "只有值班和救援人员能看到，不会公开。",
        "Only duty officers and rescuers see this. It is never made public.",
    ),
    "sending": ("正在发…", "Sending…"),
    "not_sent_yet": (
        "还没有发出去。本页会一直试，请不要关。先打 119！",
        "Not sent yet. This page keeps trying: do not close it. Call 119 first!",
    ),
    "failed": ("没有发出去！请马上打 119。", "It was NOT sent! Call 119 now."),
    "failed_again": ("内容还在，可以再按一次。", "What you filled in is kept. You can press again."),
    "failed_busy": ("报的人太多，请等半分钟再按。", "Too many reports at once. Wait half a minute and press again."),
    "receipt": ("回执号", "Receipt"),
    "receipt_help": ("求助已收到", "Your request was received"),
    "receipt_safe": ("平安已收到", "Your message was received"),
    "receipt_help_do": (
        "值班员会查看。这不等于救援已经出发：请同时拨打 119 / 120。",
        "The duty officer will look at it. This does not mean that help is on its way: also call 119 or 120.",
    ),
    "receipt_safe_do": (
        "还没有核实。情况变了请再报；需要救援打 119 / 120。",
        "It is not verified yet. Report again if things change; to be rescued call 119 or 120.",
    ),
    "back": ("返回", "Back"),
    "report_ask_other": ("我要求助", "I need help instead"),
    "no_realm": ("没有这个页面。", "There is no such page."),
}


class PublicWords:
    """公众页用语 in one language"""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._column = 0 if lang == "zh" else 1

    def __call__(self, name: str, **values: object) -> str:
        text = TEXT[name][self._column]
        return text.format(**values) if values else text

    def of(self, both: tuple[str, str]) -> str:
        return both[self._column]

    def pick(self, both: object) -> str:
        """Of ``{zh, en}`` the one for this language, else the one there is."""
        if isinstance(both, Mapping):
            return str(both.get(self.lang) or both.get("zh") or both.get("en") or "")
        return "" if both is None else str(both)
