"""What Chinese says: numbers, dates, times, money, units and symbols in characters."""

from __future__ import annotations

import re

from nodes.text._rules import DIGIT, SpokenForm, rule

_DIGITS = "零一二三四五六七八九"
_CALLED = "零幺二三四五六七八九"
"""Digits of telephone numbers: one is yao."""
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
LONGEST = 16
_NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?)"
_SEP = r"\s?[-–—~～至到]\s?"
_MEASURES = (
    "万亿个只位本张条件辆台次天年月周岁元块斤公斤吨米里公里小时分钟秒点杯瓶家名间座层种对双口匹头把颗片篇句封份场届楼"
)
_MONEY = {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑", "US$": "美元", "HK$": "港元"}
_UNITS = dict(
    pair.split("=")
    for pair in """km/h=公里每小时 m/s=米每秒 km²=平方公里 km2=平方公里 m²=平方米 m2=平方米 m³=立方米 m3=立方米
    km=公里 cm=厘米 mm=毫米 m=米 kg=公斤 mg=毫克 g=克 t=吨 ml=毫升 mL=毫升 l=升 L=升 ℃=摄氏度 °C=摄氏度 °F=华氏度
    °=度 h=小时 min=分钟 ms=毫秒 s=秒 kWh=千瓦时 kW=千瓦 W=瓦 V=伏 mAh=毫安时 GHz=吉赫 MHz=兆赫 Hz=赫兹 dB=分贝
    kcal=千卡 hPa=百帕 ft=英尺 mi=英里 lb=磅 oz=盎司""".split()
)
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_SIGN = r"(?:US|HK)?[$]|[¥￥€£]"


def digits(text: str, names: str = _DIGITS) -> str:
    """Digit by digit."""
    return "".join(names[int(digit)] for digit in text if digit.isdecimal())


def cardinal(number: int) -> str:
    """A whole number below 10^16: 10500 is 一万零五百."""
    if number == 0:
        return "零"
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    said = ""
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if group:
            gap = said and (group < 1000 or groups[place + 1] % 10 == 0)
            said += ("零" if gap and not said.endswith("零") else "") + _group(group) + _GROUPS[place]
    return said.removeprefix("一") if said.startswith("一十") else said


def _group(number: int) -> str:
    said, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + _PLACES[place]
            gap = False
        else:
            gap = True
    return said


def number(written: str) -> str:
    """A number such as `1,234.5`, in characters."""
    whole, point, decimals = written.replace(",", "").partition(".")
    odd = len(whole) >= LONGEST or (whole.startswith("0") and len(whole) > 1)
    said = digits(whole) if odd else cardinal(int(whole))
    return f"{said}点{digits(decimals)}" if point else said


def _counted(written: str, follows: str) -> str:
    """2 before a measure word is 两."""
    return "两" if written == "2" and follows[:1] and follows[0] in _MEASURES else number(written)


def _date(found: re.Match[str]) -> str:
    month, day = int(found[2]), int(found[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return found[0]
    return f"{digits(found[1])}年{cardinal(month)}月{cardinal(day)}日"


def _year(found: re.Match[str]) -> str:
    return f"{digits(found[1])}{found[2]}"


def _years(found: re.Match[str]) -> str:
    return f"{digits(found[1])}到{digits(found[2])}"


def _clock(hour: str, minute: str, second: str | None) -> str:
    said = f"{'两' if int(hour) == 2 else cardinal(int(hour))}点"
    if int(minute):
        said += ("零" if int(minute) < 10 else "") + f"{cardinal(int(minute))}分"
    return said + (f"{cardinal(int(second))}秒" if second else "")


def _time(found: re.Match[str]) -> str:
    return _clock(found[1], found[2], found[3])


def _times(found: re.Match[str]) -> str:
    return f"{_clock(found[1], found[2], None)}到{_clock(found[3], found[4], None)}"


def _money(found: re.Match[str]) -> str:
    name = _MONEY[found["sign"]]
    size = found["size"] or ""
    start = f"{number(found['a'])}到" if found["b"] else ""
    amount = found["b"] or found["a"]
    said = "两" if amount == "2" and not size else number(amount)
    return f"{'负' if found['minus'] else ''}{start}{said}{size}{name}"


def _unit(found: re.Match[str]) -> str:
    start = f"{number(found['a'])}到" if found["b"] else ""
    unit = _UNITS[found["unit"]]
    amount = found["b"] or found["a"]
    said = "两" if amount == "2" and not start and unit[0] in "公米吨小分秒升千英平克厘毫磅" else number(amount)
    if unit in ("摄氏度", "华氏度") and found["minus"]:
        return f"零下{start}{said}{unit}"
    return f"{'负' if found['minus'] else ''}{start}{said}{unit}"


def _percents(found: re.Match[str]) -> str:
    if found[3]:
        return f"百分之{number(found[3])}"
    return f"百分之{number(found[1])}到百分之{number(found[2])}"


def _fraction(found: re.Match[str]) -> str:
    return f"{number(found[2])}分之{number(found[1])}"


def _called(found: re.Match[str]) -> str:
    said = "，".join(digits(group, _CALLED) for group in re.findall(r"\d+", found[0]))
    return f"加{said}" if found[0].startswith("+") else said


def _coded(found: re.Match[str]) -> str:
    return f"{found[1]}{digits(found[2], _CALLED)}"


def _dots(found: re.Match[str]) -> str:
    return "点".join(digits(part) if len(part) > 2 else number(part) for part in found[0].split("."))


def _ordinal(found: re.Match[str]) -> str:
    return f"第{number(found[1])}"


def _range(found: re.Match[str]) -> str:
    return f"{number(found[1])}到{_counted(found[2], found.string[found.end() :].lstrip())}"


def _score(found: re.Match[str]) -> str:
    return f"{number(found[1])}比{number(found[2])}"


def _number(found: re.Match[str]) -> str:
    text, start, end = found.string, found.start(), found.end()
    if start and text[start - 1].isascii() and text[start - 1].isalpha() and len(found[0]) > 2:
        return digits(found[0], _CALLED)
    return _counted(found[0], text[end : end + 2].lstrip())


_SYMBOLS = dict(
    pair.split(" ")
    for pair in """+ 加|= 等于|× 乘以|÷ 除以|% 百分之|& 和|° 度|≈ 约等于|± 正负|> 大于|< 小于|→ 到|² 的平方|³ 的立方
√ 根号|@ 艾特""".replace("\n", "|").split("|")
)


RULES: tuple[SpokenForm, ...] = (
    rule(r"\s?\[[1-9]\d{0,2}(?:\s?[,–-]\s?\d{1,3}){0,9}\]|【\d[^【】]{0,60}】", "", needs="[【", rewrites=True),
    rule(r"(?<![A-Za-z\d.])(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?:日|号|(?![A-Za-z\d/-]|\.\d))", _date, needs=DIGIT),
    rule(r"(?<![A-Za-z\d.])(1\d{3}|20\d\d)\s?[-–—~至到]\s?(1\d{3}|20\d\d)(?=年)", _years, needs=f"{DIGIT} 年"),
    rule(r"(?<!\d)(\d{4})(年)(?!代?前)", _year, needs=f"{DIGIT} 年"),
    rule(
        r"(?<![\d:.])([01]?\d|2[0-4]):([0-5]\d)\s?[-–—~至到]\s?([01]?\d|2[0-4]):([0-5]\d)(?![\d:])",
        _times,
        needs=f"{DIGIT} :",
    ),
    rule(r"(?<=比分)\s?[是为]?\s?(\d{1,3})[:：-](\d{1,3})(?!\d)", _score, needs=DIGIT),
    rule(r"(?<![\d:.])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])", _time, needs=f"{DIGIT} :"),
    rule(
        r"(?<![A-Za-z\d.+-])(?:\+\d{1,3}[\s-]?)?1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?![\d.])|(?<![A-Za-z\d.+-])0\d{2,3}[\s-]\d{7,8}(?!\d)"
        r"|(?<![A-Za-z\d.])[48]00-\d{3}-\d{4}(?!\d)|\+\d{1,3}[\s-]\d[\d\s-]{6,14}\d",
        _called,
        needs=DIGIT,
    ),
    rule(
        r"((?:验证码|密码|邮编|邮政编码|编号|账号|卡号|电话|号码|房间|拨打|打|航班)(?:是|为|：|:)?\s?)(\d{3,20})(?![\d.])",
        _coded,
        needs=DIGIT,
    ),
    rule(r"(?<![A-Za-z\d.])\d{1,4}(?:\.\d{1,4}){2,6}(?![A-Za-z\d]|\.\d)", _dots, needs=f"{DIGIT} ."),
    rule(
        rf"(?<![A-Za-z\d.])({_NUMBER})%?{_SEP}({_NUMBER})\s?%|(?<![.\d])({_NUMBER})\s?%", _percents, needs=f"{DIGIT} %"
    ),
    rule(
        rf"(?P<minus>[-−])?(?P<sign>{_SIGN})\s?(?P<a>{_NUMBER})(?:{_SEP}(?P<b>{_NUMBER}))?(?P<size>[百千万亿]{{1,2}})?",
        _money,
        needs=f"{DIGIT} $¥￥€£",
    ),
    rule(
        rf"(?P<minus>[-−])?(?<![.\d])(?P<a>{_NUMBER})(?:{_SEP}(?P<b>{_NUMBER}))?(?P<size>[百千万亿]{{1,2}})?\s?(?P<sign>{_SIGN})",
        _money,
        needs=f"{DIGIT} $¥￥€£",
    ),
    rule(
        rf"(?P<minus>(?<![A-Za-z\d)])[-−])?(?<![.\d])(?P<a>{_NUMBER})(?:{_SEP}(?P<b>{_NUMBER}))?\s?(?P<unit>{_UNIT})(?![A-Za-z/²³])",
        _unit,
        needs=DIGIT,
    ),
    rule(r"(?<![A-Za-z\d./])(\d{1,4})[/⁄](\d{1,4})(?![\d/]|\.\d)", _fraction, needs=f"{DIGIT} /⁄"),
    rule(rf"第\s?({_NUMBER})", _ordinal, needs=f"{DIGIT} 第"),
    rule(rf"(?<![\d.])({_NUMBER})\s?[-–—~～]\s?({_NUMBER})(?![\d.]|\s?=)", _range, needs=f"{DIGIT} -–—~～"),
    rule(r"(?<=\d)\s?[-−]\s?(?=\d)", "减", needs=f"{DIGIT} -−"),
    rule(r"(?<![A-Za-z\d)])[-−](?=\d)", "负", needs=f"{DIGIT} -−"),
    rule(r"(?<=\d)\s?[x*]\s?(?=\d)", "乘以", needs=f"{DIGIT} x*"),
    rule(rf"{_NUMBER}", _number, needs=DIGIT),
    rule(r"[+=×÷%&°≈±><→²³√@]", lambda found: _SYMBOLS[found[0]], needs="+=×÷%&°≈±><→²³√@"),
    rule(r"[][{}_*#\\~|^•]", " ", needs="][{}_*#\\~|^•"),
)
