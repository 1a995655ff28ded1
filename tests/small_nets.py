"""Networks written by hand, small enough to know every right answer."""

from __future__ import annotations

from pathlib import Path

CROSS = """<?xml version="1.0" encoding="UTF-8"?>
<net version="1.20">
    <edge id=":C_0" function="internal">
        <lane id=":C_0_0" index="0" speed="13.89" length="20.00" shape="-10.00,0.00 10.00,0.00"/>
    </edge>
    <edge id=":C_1" function="internal">
        <lane id=":C_1_0" index="0" speed="13.89" length="20.00" shape="0.00,-10.00 0.00,10.00"/>
    </edge>
    <edge id=":M_0" function="internal">
        <lane id=":M_0_0" index="0" speed="13.89" length="4.00" shape="-15.00,0.00 -11.00,0.00"/>
    </edge>
    <edge id="west" from="W" to="M">
        <lane id="west_0" index="0" speed="13.89" length="300.00" shape="-315.00,0.00 -15.00,0.00"/>
    </edge>
    <edge id="last" from="M" to="C">
        <lane id="last_0" index="0" speed="13.89" length="1.00" shape="-11.00,0.00 -10.00,0.00"/>
    </edge>
    <edge id="east" from="C" to="E">
        <lane id="east_0" index="0" speed="13.89" length="300.00" shape="10.00,0.00 310.00,0.00"/>
    </edge>
    <edge id="south" from="S" to="C">
        <lane id="south_0" index="0" speed="8.33" length="90.00" shape="0.00,-100.00 0.00,-10.00"/>
    </edge>
    <edge id="north" from="C" to="N">
        <lane id="north_0" index="0" speed="8.33" length="300.00" shape="0.00,10.00 0.00,310.00"/>
    </edge>
    <tlLogic id="C" type="static" programID="0" offset="5">
        <phase duration="31" state="Gr"/>
        <phase duration="4" state="yr"/>
        <phase duration="21" state="rG"/>
        <phase duration="4" state="ry"/>
    </tlLogic>
    <junction id="C" type="traffic_light" x="0.00" y="0.00" incLanes="last_0 south_0"
        intLanes=":C_0_0 :C_1_0">
        <request index="0" response="00" foes="10" cont="0"/>
        <request index="1" response="01" foes="01" cont="0"/>
    </junction>
    <junction id="M" type="priority" x="-13.00" y="0.00" incLanes="west_0" intLanes=":M_0_0">
        <request index="0" response="0" foes="0" cont="0"/>
    </junction>
    <connection from="west" to="last" fromLane="0" toLane="0" via=":M_0_0" dir="s" state="M"/>
    <connection from="last" to="east" fromLane="0" toLane="0" via=":C_0_0" tl="C" linkIndex="0"
        dir="s" state="o"/>
    <connection from="south" to="north" fromLane="0" toLane="0" via=":C_1_0" tl="C" linkIndex="1"
        dir="s" state="o"/>
    <connection from=":M_0" to="last" fromLane="0" toLane="0" dir="s" state="M"/>
    <connection from=":C_0" to="east" fromLane="0" toLane="0" dir="s" state="M"/>
    <connection from=":C_1" to="north" fromLane="0" toLane="0" dir="s" state="M"/>
</net>
"""
"""Two one-way streets cross at C; from the west the last edge is one metre long, after node M."""

PHASES = CROSS[CROSS.index("        <phase") : CROSS.index("    </tlLogic>")]


def cross(directory: Path, *changes: tuple[str, str], phases: str = "") -> Path:
    """The crossing as a file, with texts replaced (each must be there) or other phases."""
    text = CROSS
    if phases:
        text = text.replace(PHASES, phases)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = directory / "cross.net.xml"
    path.write_text(text, encoding="utf-8")
    return path


def with_walkers(directory: Path, phases: str, crossing_length_m: float = 14.0) -> Path:
    """The crossing with a pedestrian crossing over the southern arm, link 2, a foe of link 1."""
    lanes = f"""    <edge id=":C_c0" function="crossing" crossingEdges="south">
        <lane id=":C_c0_0" index="0" allow="pedestrian" speed="2.78" length="{crossing_length_m}"
            width="4.00" shape="-7.00,-8.00 7.00,-8.00"/>
    </edge>
    <edge id=":C_w0" function="walkingarea">
        <lane id=":C_w0_0" index="0" allow="pedestrian" speed="2.78" length="3.00" width="2.00"
            shape="-8.00,-8.00 -7.00,-8.00"/>
    </edge>
    <edge id="west" """
    walk = """    <connection from=":C_w0" to=":C_c0" fromLane="0" toLane="0" tl="C" linkIndex="2" dir="s"
        state="M"/>
    <connection from=":M_0" """
    rows = """        <request index="0" response="000" foes="010" cont="0"/>
        <request index="1" response="101" foes="101" cont="0"/>
        <request index="2" response="000" foes="010" cont="0"/>
    </junction>
    <junction id="M" """
    old_rows = CROSS[
        CROSS.index('        <request index="0" response="00"') : CROSS.index('<junction id="M"')
        + len('<junction id="M" ')
    ]
    return cross(
        directory,
        ('    <edge id="west" ', lanes),
        ('    <connection from=":M_0" ', walk),
        (':C_0_0 :C_1_0"', ':C_0_0 :C_1_0 :C_c0_0"'),
        (old_rows, rows),
        phases=phases,
    )
