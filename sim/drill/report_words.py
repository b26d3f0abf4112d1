"""What the report says, in English and Chinese."""

from __future__ import annotations

_TEXTS: dict[str, tuple[str, str]] = {
    "exercise": ("EXERCISE – EXERCISE – EXERCISE", "演练 – 演练 – 演练"),
    "after_action": ("After-action report", "演练复盘报告"), "played": ("Played", "演练时间"), "length": ("Length", "时长"),
    "trainees": ("Trainees", "受训人员"), "nobody": ("nobody", "无"), "level": ("Level at the end", "结束时响应级别"),
    "marks": ("Marks by objective", "按目标评分"), "none": ("none", "无"), "outcome": ("What the crowd came to", "人群结果"),
    "bound": ("bound", "标准"), "value": ("value", "实测"), "met": ("met", "达到"), "not_met": ("not met", "未达到"),
    "expected_actual": ("Expected and actual", "预期与实际"), "inject": ("Inject", "情况"), "asked": ("at", "时刻"),
    "expected": ("Expected action", "预期行动"), "done": ("Done", "实际行动"), "who": ("Who", "人员"),
    "took": ("After", "用时"),
    "note": ("Evaluator", "评估"), "crowd": ("What the crowd did", "人群变化"),
    "ticks": ("Dotted: injects. Solid: decisions, by number.", "虚线为情况，实线为决定（编号）。"),
    "map": ("Highest density by level of service: blue A to red F", "最高密度（服务水平：蓝A至红F）"),
    "measure": ("Measure", "指标"), "unit": ("Unit", "单位"), "whatif": ("What it was worth", "决定的价值"),
    "whatif_about": ("The same drill with the same seed and all other decisions as they were.",
                     "同一演练、同一种子，其余决定不变。"),
    "was": ("as played", "实际"), "would": ("would be", "若如此"), "same": ("Nothing would be different.", "结果没有差别。"),
    "without": ("Without decision #{number} ({do})", "去掉决定#{number}（{do}）"),
    "with": ("With {do} at {at}", "在{at}增加 {do}"),
    "unchanged": ("Nothing changed", "未作改变"), "timeline": ("Timeline", "时间线"), "time": ("Time", "时刻"),
    "what": ("What", "内容"),
    "card": ("Run card", "运行信息"), "hash": ("Hash of the whole run", "全程校验值"), "seed": ("Seed", "种子"),
    "engine": ("Engine", "引擎版本"),
    "in time": ("in time", "按时"), "late": ("late", "迟"), "missed": ("missed", "未做"),
    "not asked": ("not asked", "未下达"),
    "carried out": ("carried out", "已执行"), "skipped": ("skipped by the trainer", "导调员跳过"),
    "under way": ("under way", "执行中"),
    "refused": ("could not be done", "无法执行"), "opposed": ("not carried out", "未执行"),
    "curve inside": ("People on the ground", "场内人数"), "curve queueing": ("People in queues", "排队人数"),
    "curve density_max": ("Highest density anywhere [1/m²]", "最高密度 [1/m²]"),
}

WORDS: dict[str, dict[str, str]] = {
    language: {key: pair[k] for key, pair in _TEXTS.items()} for k, language in enumerate(("en", "zh"))}
"""Language -> key -> text."""
EVENTS: dict[str, tuple[str, str]] = {
    "incident": ("Incident", "事件发生"), "dispatched": ("Unit sets out", "力量出动"),
    "help arrived": ("Help is there", "力量到场"),
    "resolved": ("Incident over", "事件处置完毕"), "shut": ("Shut", "关闭"), "cleared": ("Open", "开启"),
    "cut off": ("Cut off", "去路被切断"),
    "held": ("Entry held", "暂停进入"), "let in": ("Entry open", "恢复进入"),
    "ambulance called": ("Ambulance called", "呼叫救护车"),
    "ambulance here": ("Ambulance here", "救护车到达"), "lanes": ("Lanes", "安检通道"),
    "checkpoint": ("Checkpoint", "安检口"),
    "cleared out": ("Area cleared", "清场"), "announced": ("Announced", "广播"), "level": ("Level", "响应级别")}
"""Kinds of events that the timeline shows."""
