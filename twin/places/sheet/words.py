"""The words of the courtyard sheet, in English and Chinese."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "sheet": ("Courtyard sheet", "院落一张表"),
    "legend_own": ("this courtyard", "本院落"),
    "legend_other": ("neighbouring plot", "相邻院落"),
    "id": ("Id", "编号"),
    "name": ("Name", "名称"),
    "address": ("Address", "地址"),
    "grid": ("Grid", "所属网格"),
    "area": ("Area", "占地面积"),
    "built": ("Built share", "建筑密度"),
    "buildings": ("Buildings", "建筑"),
    "buildings_count": ("Number of buildings", "建筑数量"),
    "heights": ("Heights", "建筑高度"),
    "hydrant": ("Nearest hydrant", "最近消火栓"),
    "lane": ("Lane at the door", "门前道路"),
    "fire_access": ("Fire access", "消防通道"),
    "ways_in": ("Ways in", "进院路径"),
    "facts": ("The place in figures", "院落数据"),
    "map": ("Map", "院落图"),
    "booklet": ("Courtyard booklet", "院落手册"),
    "number": ("No.", "序号"),
    "kind": ("Kind", "类型"),
    "state": ("State", "状态"),
    "width": ("Width", "净宽"),
    "step_free": ("Step-free", "无台阶"),
    "leads_to": ("Leads to", "通往"),
    "by_way_of": ("Doors, in order", "依次经过"),
    "crosses": ("Crosses", "穿过"),
    "length": ("Length", "长度"),
    "place": ("The place", "院落概况"),
    "use": ("Use", "用途"),
    "height": ("Height", "高度"),
    "levels": ("Storeys", "层数"),
    "roof": ("Roof", "屋顶"),
    "known_by": ("How known", "高度来源"),
    "footprint": ("Footprint", "基底面积"),
    "responders": ("What responders need to know", "应急须知"),
    "sources": ("Sources and dates", "数据来源与日期"),
    "objects": ("Objects", "对象数"),
    "observed": ("Observed", "观测日期"),
    "source": ("Source", "来源"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "unknown": ("unknown", "未知"),
    "none": ("none", "无"),
    "open": ("open", "开放"),
    "locked": ("locked", "上锁"),
    "blocked": ("blocked", "堵塞"),
    "front": ("front door", "正门"),
    "back": ("back door", "后门"),
    "side": ("side door", "侧门"),
    "passage": ("passage", "通道"),
    "emergency": ("emergency exit", "应急出口"),
    "lamp": ("lamp", "路灯"),
    "camera": ("camera", "摄像头"),
    "hydrant_part": ("hydrant", "消火栓"),
    "tree": ("tree", "树木"),
    "wall": ("wall", "围墙"),
    "entrance": ("entrance", "出入口"),
    "measured": ("measured", "实测"),
    "levels_source": ("from storeys", "按层数推算"),
    "assumed": ("assumed", "估计"),
    "lanes": ("from lanes", "按车道推算"),
    "flat": ("flat", "平顶"),
    "gabled": ("gabled", "双坡"),
    "hipped": ("hipped", "四坡"),
    "surfaces": ("as modelled", "模型屋面"),
    "residential": ("residential", "居住"),
    "school": ("school", "学校"),
    "office": ("office", "办公"),
    "retail": ("retail", "商业"),
    "walled_yes": ("Its outline is a wall.", "院落四周有围墙。"),
    "walled_no": ("Its outline is open ground.", "院落四周无围墙。"),
    "walled_unknown": ("Whether its outline is a wall is not known.", "院落四周是否有围墙未知。"),
    "place_text": ("The plot covers {area} m²; {count} buildings stand on it and cover {built} of it.",
                   "院落占地{area}平方米，有建筑{count}栋，建筑密度{built}。"),
    "hydrant_text": ("{name}, {distance} m from the plot in a straight line",
                     "{name}，距院落直线{distance}米"),
    "hydrant_none": ("none on the map", "图上无消火栓"),
    "lane_text": ("{name}, {width} m wide ({source})", "{name}，宽{width}米（{source}）"),
    "lane_none": ("not known", "未知"),
    "fire_yes": ("yes: {name}, {width} m wide ({source}), {distance} m from the plot; "
                 "farthest corner of the plot {far} m",
                 "有：{name}，宽{width}米（{source}），距院落{distance}米；院内最远点{far}米"),
    "fire_no": ("no lane of at least {need} m within {reach} m of the plot",
                "院落{reach}米内没有宽{need}米以上的车行道"),
    "tell_open_none": ("No way in is known to be open.", "没有确认开放的进院路径。"),
    "tell_open_one": ("Only one door is known to be open: {doors}.", "确认开放的门只有一处：{doors}号。"),
    "tell_open_many": ("{count} doors into the courtyard are known to be open: {doors}.",
                       "确认开放的门有{count}处：{doors}号。"),
    "tell_shut": ("Locked or blocked: {doors}.", "上锁或堵塞：{doors}号。"),
    "tell_around": ("If the door on {street} fails, come through {courtyards}: doors {doors}.",
                    "如{street}一侧的门不通，可经{courtyards}进入，依次为{doors}号门。"),
    "tell_step_free": ("A step-free open way is known: doors {doors}, at least {width} wide.",
                       "有开放的无台阶路径：{doors}号门，净宽不小于{width}。"),
    "tell_step_free_none": ("No open way is known to be step-free: bring a carried stretcher.",
                            "没有确认无台阶的开放路径，请携带手抬担架。"),
    "tell_fire_no": ("Engines do not get near: {text}.", "消防车难以靠近：{text}。"),
    "tell_fire_yes": ("Engines can stand on {name}, {distance} m from the plot.",
                      "消防车可停靠{name}，距院落{distance}米。"),
    "tell_hydrant": ("Water: {text}.", "消防水源：{text}。"),
    "tell_heights": ("{count} of {all} heights are assumed; do not rely on them for ladders.",
                     "{all}栋中有{count}栋的高度为估计值，登高作业时不可依赖。"),
    "outside": ("not known", "未知"),
    "more_ways": ("and {count} more ways", "另有{count}条路径"),
    "no_ways": ("No entrance of this courtyard is on the map. Ask the community office or go and look.",
                "图上没有本院落的出入口，请向社区核实或现场查看。"),
    "no_buildings": ("No building of this courtyard is on the map.", "图上没有本院落的建筑。"),
    "unnamed": ("unnamed", "无名"),
    "undated": ("undated", "无日期"),
    "north": ("N", "北"),
    "places_only": ("This sheet describes a place. It holds nothing about people.",
                    "本表只描述场所，不含任何个人信息。"),
}
"""Each word and sentence of the sheet: (English, Chinese)."""
LANGUAGES = ("en", "zh")


class Words:
    """The words of one language: ``words("area")``, ``words("fire_no", need=4, reach=60)``."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._column = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        """Return the word or sentence for a key, filled in with values; an unknown key is returned as it
        is."""
        return WORDS[key][self._column].format(**values) if key in WORDS else key

    @property
    def joint(self) -> str:
        """What stands between the items of a list."""
        return "、" if self.language == "zh" else ", "
