"""What the weekly brief says, in English and Chinese."""

from __future__ import annotations

LANGUAGES = ("en", "zh")

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Weekly brief of the case work", "案件办理周报"),
    "from_to": ("{since} to {until} (Beijing time)", "{since} 至 {until}（北京时间）"),
    "received": ("{n} cases were received ({change}).", "本周受理案件 {n} 件（{change}）。"),
    "change": ("{percent} on {before} the week before", "较上周 {before} 件 {percent}"),
    "no_week_before": ("no cases the week before", "上周无案件"),
    "closed": ("{n} of them are closed, a closing rate of {rate}; {on_time} were handled on time ({before} the week before).",
               "已结案 {n} 件，结案率 {rate}；按期处置率 {on_time}（上周 {before}）。"),
    "arrived": ("Half were reached within {p50}, 90 % within {p90}.",
                "到场时长中位数 {p50}，90% 在 {p90} 内到场。"),
    "times": ("Half were handled within {handle} and closed within {close}.",
              "处置时长中位数 {handle}，结案时长中位数 {close}。"),
    "backlog": ("{n} cases are open at the end, {overdue} of them past their deadline.",
                "期末未结案件 {n} 件，其中超期 {overdue} 件。"),
    "again": ("{reopened} were reopened, {passed} passed between levels, {merged} merged as duplicates.",
              "重新立案 {reopened} 件，层级流转 {passed} 件，重复合并 {merged} 件。"),
    "rated": ("{n} were rated: {mean} of 5 on average, {good} with 4 or 5.",
              "回访评价 {n} 件：平均 {mean} 分（满分 5 分），4 分及以上占 {good}。"),
    "most": ("Most were of the type {type}: {n}.", "数量最多的类型：{type}，{n} 件。"),
    "spots": ("{n} cells of {cell} m and hours stand out as hot spots.", "共有 {n} 个热点（{cell} 米网格 × 小时）。"),
    "note": ("Cases and places only; nothing here is about persons. Counts under five in a cell and means of fewer than five "
             "ratings are not shown.", "仅涉及案件与地点，不涉及个人；网格内少于 5 件的计数及少于 5 次的评价均值不显示。"),
    "method": ("Times run from the report. On time: handled by the deadline. Hot spots: Getis-Ord Gi* by randomisation, false "
               "discovery rate 5 %.", "时长自受理起算；按期指在时限内处置完毕；热点：Getis-Ord Gi* 随机化检验，错误发现率 5%。"),
    "table_type": ("By type", "按类型"), "table_level": ("By level", "按层级"),
    "table_backlog": ("Backlog by grid, type and level", "未结案件（网格、类型、层级）"),
    "table_spots": ("Hot spots of place and hour", "地点与时段热点"),
    "type": ("Type", "类型"), "level": ("Level", "层级"), "grid": ("Grid", "网格"), "n_received": ("Received", "受理"),
    "n_closed": ("Closed", "结案"), "closing_rate": ("Closing rate", "结案率"), "on_time_rate": ("On time", "按期率"),
    "arrive_p50": ("To arrive", "到场"), "handle_p50": ("To handle", "处置"), "close_p50": ("To close", "结案时长"),
    "open": ("Open", "未结"), "overdue": ("Overdue", "超期"),
    "age_p50": ("Median age", "中位时长"), "age_max": ("Oldest", "最长"),
    "cell": ("Centre of the cell [m]", "网格中心（米）"), "hour": ("Hour", "时段"), "cases": ("Cases", "案件数"),
    "z": ("Gi*", "Gi*"), "p": ("p", "p 值"), "none": ("none", "无"),
    "community": ("Community", "社区"), "subdistrict": ("Subdistrict", "街道"), "district": ("District", "区"),
}
