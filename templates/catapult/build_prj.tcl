# Builds {{ design.name }} with Catapult:
#   catapult -product ultra -shell -file build_prj.tcl
# C simulation and RTL co-simulation (SCVerify) fail on any difference from the expected outputs. A
# step that fails ends the script with exit code 1.

# The steps to run: 1 or 0. Words name=value in ::argv override them. Co-simulation needs QuestaSim.
array set opt {
    reset   0
    csim    1
    synth   1
    cosim   0
    verilog 1
    vhdl    0
}

set design_top        {{ design.name }}
set part              {{ design.options.part }}
set clock_period      {{ design.options.clock_period }}
set clock_uncertainty {{ uncertainty }}

set sfd [file dirname [file normalize [info script]]]

{% include "options.tcl" %}
{% if is_asic %}
# The library of gates, and the memories that belong to it.
proc add_libraries {part} {
    solution library add $part -- -rtlsyntool DesignCompiler
    solution library add ccs_sample_mem
    solution library add ccs_sample_rom
    go libraries
}
{% else %}
# The library of an AMD part, by the part's name in Catapult's tables.
proc add_libraries {part} {
    set tables /CONFIG/PARAMETERS/Vivado/PARAMETERS/Xilinx/PARAMETERS/*/PARAMETERS/*/PARAMETERS
    set query "$tables/$part/LIBRARIES/*/NAME"
    set library [lindex [library get $query -match glob -ret v] 0]
    set path [library get $query -match glob -ret p]
    if {$library eq ""} {
        error "Catapult has no library for part '$part'"
    }
    # .../<tool>/PARAMETERS/<vendor>/PARAMETERS/<family>/PARAMETERS/<speed>/PARAMETERS/<part>/...
    set level {/PARAMETERS/([^/\s]+)}
    if {[regexp "^/CONFIG[string repeat $level 4]" $path all tool vendor family speed]} {
        solution library add $library -- -rtlsyntool $tool -vendor $vendor -family $family \
            -speed $speed -part $part
    } else {
        solution library add $library -- -rtlsyntool Vivado
    }
    solution library add Xilinx_RAMS
    solution library add Xilinx_ROMS
    solution library add Xilinx_FIFO
    go libraries
}
{% endif %}
if {$opt(cosim) && !$opt(verilog) && !$opt(vhdl)} {
    puts "ERROR: co-simulation needs verilog=1 or vhdl=1"
    exit 1
}

step "project" {
    options set Input/CppStandard {c++17}
    options set Output/OutputVerilog [expr {$opt(verilog) ? "true" : "false"}]
    options set Output/OutputVHDL [expr {$opt(vhdl) ? "true" : "false"}]

    if {$opt(reset) && [file exists ${design_top}_prj.ccs]} {
        project load ${design_top}_prj.ccs
        go new
    } else {
        project new -name ${design_top}_prj
    }

    flow package require /SCVerify
    flow package option set /SCVerify/INVOKE_ARGS "$sfd/tb_data"

    solution file add $sfd/firmware/${design_top}.cpp
    solution file add $sfd/${design_top}_test.cpp -exclude true

    # Arrays with fewer elements are registers, which all are read at once; longer ones are memories,
    # but those that the source says to be registers.
    solution options set Architectural/DefaultMemMapThreshold {{ register_threshold }}
    solution options set Architectural/DefaultRegisterThreshold {{ register_limit }}
    directive set -RESET_CLEARS_ALL_REGS no

    go analyze
    go compile
}

if {$opt(csim)} {
    step "C simulation" {
        flow run /SCVerify/launch_make ./scverify/Verify_orig_cxx_osci.mk {} SIMTOOL=osci sim
    }
}

if {$opt(synth)} {
    step "C synthesis" {
        add_libraries $part
        directive set -CLOCKS [list clk [list \
            -CLOCK_PERIOD $clock_period -CLOCK_EDGE rising -CLOCK_OFFSET 0.0 \
            -CLOCK_UNCERTAINTY $clock_uncertainty \
            -RESET_KIND sync -RESET_SYNC_NAME rst -RESET_SYNC_ACTIVE high \
            -RESET_ASYNC_NAME arst_n -RESET_ASYNC_ACTIVE low \
            -ENABLE_NAME {} -ENABLE_ACTIVE high]]
        go assembly
{%- if !frames.is_empty() %}
        # Samples in memories: a word holds a token, or a memory each channel.
        foreach {array memories width} {
{%- for (path, memory) in frames %}
            {{ path }} {{ memory.count }} {{ memory.bits }}
{%- endfor %}
        } {
            directive set /$design_top/$array -WORD_WIDTH $width
            if {$memories > 1} {
                directive set /$design_top/$array:rsc -INTERLEAVE $memories
            }
{%- if !is_asic %}
            directive set /$design_top/$array:rsc -MAP_TO_MODULE Xilinx_RAMS.BLOCK_1R1W_RBW
{%- endif %}
        }
{%- endif %}
{%- if !ports.is_empty() %}
        # A word of an array port holds the channels of a position.
        foreach {port width} {
{%- for (name, width) in ports %}
            {{ name }} {{ width }}
{%- endfor %}
        } {
            directive set /$design_top/$port -WORD_WIDTH $width
        }
{%- endif %}
{%- if !depths.is_empty() %}
        # Depths of the channels between processes.
        foreach {channel depth} {
{%- for (name, depth) in depths %}
            {{ name }} {{ depth }}
{%- endfor %}
        } {
            directive set /$design_top/$channel:cns -FIFO_DEPTH $depth
        }
{%- endif %}
{%- if !register_constants.is_empty() %}
        # Constants of which all elements are read at once. Those that became logic have no resource.
        foreach constant {
{%- for path in register_constants %}
            {{ path }}
{%- endfor %}
        } {
            catch {directive set /$design_top/$constant.rom:rsc -MAP_TO_MODULE {[Register]}}
        }
{%- endif %}
{%- if !words.is_empty() %}
        # A word of a constant's memory holds what one iteration reads of it.
        foreach {constant width} {
{%- for (name, width) in words %}
            {{ name }} {{ width }}
{%- endfor %}
        } {
            directive set /$design_top/$constant.rom -WORD_WIDTH $width
        }
{%- endif %}
{%- if !lines.is_empty() %}
        # Line buffers: a pixel of each row in a word, or a memory for each row; the sums of a window in a word.
        foreach {process lines memories width} {
{%- for line in lines %}
            {{ line.process }} {{ line.array() }} {{ line.memory.count }} {{ line.memory.bits }}
{%- endfor %}
        } {
            set array /$design_top/$process/core/$lines
            directive set $array -WORD_WIDTH $width
            if {$memories > 1} {
                directive set $array:rsc -INTERLEAVE $memories
            }
{%- if !is_asic %}
            directive set $array:rsc -MAP_TO_MODULE Xilinx_RAMS.BLOCK_1R1W_RBW
{%- endif %}
        }
{%- endif %}
        go architect
{%- if !apart().is_empty() %}
        # A word that is written is read in the next row at the earliest, long after the write.
{%- for lines in apart() %}
        ignore_memory_precedences -from *write_mem({{ lines }}* -to *read_mem({{ lines }}*
{%- endfor %}
{%- endif %}
        go allocate
        go schedule
        go extract
        project save
    }
}

if {$opt(cosim) && $opt(verilog)} {
    step "RTL co-simulation, Verilog" {
        flow run /SCVerify/launch_make ./scverify/Verify_rtl_v_msim.mk {} SIMTOOL=msim sim
    }
}
if {$opt(cosim) && $opt(vhdl)} {
    step "RTL co-simulation, VHDL" {
        flow run /SCVerify/launch_make ./scverify/Verify_rtl_vhdl_msim.mk {} SIMTOOL=msim sim
    }
}

exit 0
