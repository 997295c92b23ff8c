"""An estimate of the quality of sound from what the network did to it: the E-model of ITU-T G.107, simplified.

    R = R0 - Idd - Ie,eff                                     the transmission rating, 0 to 93.2
    R0 = 93.2                                                 all other parameters at their default values
    Idd = 25 ((1 + X^6)^(1/6) - 3 (1 + (X/3)^6)^(1/6) + 2)    for delays T over 100 ms, X = lg(T / 100 ms) / lg 2
    Ie,eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl)        Ppl: lost packets in percent
    MOS = 1 + 0.035 R + 7e-6 R (R - 60) (100 - R)             annex B; 1 for R below 0

Sources: ITU-T G.107 (06/2015), equations 7-27 to 7-29 and annex B; ITU-T G.113 for Ie and Bpl.

Limits. The estimate knows loss and delay, and nothing of the microphone, of noise, of echo or of what was said: the
default values stand for a handset in a quiet room. The scale is that of narrow-band telephony, which ends at 4.41,
although Opus carries more; so differences mean more than the number itself. G.113 has no values for Opus. Here
Ie = 0, because at the rates of browsers (20 kbit/s and more) it is transparent on this scale, and Bpl = 20, the
value of rtcscore (github.com/ggarber/rtcscore) for Opus that sends copies of the last packet (FEC): G.113 gives
G.711 a Bpl of 4.3 without and 25.1 with concealment. It was made to plan networks, not to judge one call.
"""

from __future__ import annotations

import math

R0 = 93.2
"""The rating with all parameters of G.107 at their default values."""
OPUS_IE, OPUS_BPL = 0.0, 20.0
"""Impairment and robustness to loss of Opus: see above."""
CODEC_DELAY_MS = 26.5
"""Milliseconds that a packet of Opus adds: 20 for its sound, 6.5 that the encoder looks ahead (RFC 6716)."""
MOST_BURST = 8.0
"""The range of BurstR in G.107, table 2, is 1 to 8."""


def delay_impairment(delay_ms: float) -> float:
    """Idd, for a delay from mouth to ear in milliseconds; 0 up to 100 ms."""
    if delay_ms <= 100:
        return 0.0
    x = math.log2(delay_ms / 100)
    return 25 * (_norm(x) - 3 * _norm(x / 3) + 2)


def loss_impairment(loss: float, burst: float = 1.0, *, ie: float = OPUS_IE, bpl: float = OPUS_BPL) -> float:
    """Ie,eff, for a share of lost packets (0 to 1) and their burst ratio (1 for losses at random)."""
    percent = 100 * min(1.0, max(0.0, loss))
    return ie + (95 - ie) * percent / (percent / min(MOST_BURST, max(1.0, burst)) + bpl)


def rating(loss: float, delay_ms: float, burst: float = 1.0, *, ie: float = OPUS_IE, bpl: float = OPUS_BPL) -> float:
    """R, at most 93.2."""
    return R0 - delay_impairment(delay_ms) - loss_impairment(loss, burst, ie=ie, bpl=bpl)


def mean_opinion_score(rating: float) -> float:
    """The MOS of a rating: 1 (bad) to 4.5."""
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    # The cubic dips below 1 for the smallest ratings.
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)


def burst_ratio(lost: int, gaps: int, loss: float) -> float:
    """How much longer the gaps are than with losses at random (G.107, 3.2): mean length times (1 - loss)."""
    return max(1.0, lost / gaps * (1 - loss)) if gaps else 1.0


def _norm(x: float) -> float:
    return math.pow(1 + math.pow(x, 6), 1 / 6)
