# Builds {{ design.name }} with Catapult:
#   catapult -product ultra -shell -file build_prj.tcl
# C simulation and RTL co-simulation (SCVerify) fail on any difference from the expected outputs.

# The steps to run: 1 or 0. Each can be set from outside as name=value in ::argv. Co-simulation
# needs QuestaSim.
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

if {[info exists ::argv]} {
    foreach argument $::argv {
        lassign [split $argument =] name value
        if {[info exists opt($name)]} {
            set opt($name) [string is true -strict $value]
        }
    }
}

proc step {name body} {
    puts "***** $name *****"
    set start [clock seconds]
    if {[catch {uplevel 1 $body} message]} {
        puts "ERROR: ${name}: $message"
        exit 1
    }
    puts "***** ${name}: [expr {[clock seconds] - $start}] s *****"
}
{% if is_asic %}
# The library of gates, and memories to go with it.
proc add_libraries {part} {
    solution library add $part -- -rtlsyntool DesignCompiler
    solution library add ccs_sample_mem
    solution library add ccs_sample_rom
    go libraries
}
{% else %}
# The library for an AMD part, found by the part's name in Catapult's own tables.
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

# Tensors between kernels are registers, all elements at once.
solution options set Architectural/DefaultRegisterThreshold {{ register_threshold }}
directive set -RESET_CLEARS_ALL_REGS no

go analyze
go compile

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
{%- if !interleaved.is_empty() %}
        # Large tensors are memories, one for each channel.
        foreach {array memories} {
{%- for (path, memories) in interleaved %}
            {{ path }} {{ memories }}
{%- endfor %}
        } {
            directive set /$design_top/$array:rsc -INTERLEAVE $memories
        }
{%- endif %}
{%- if !words.is_empty() %}
        # What one iteration reads of a constant is one word of its memory.
        foreach {constant width} {
{%- for (name, width) in words %}
            {{ name }} {{ width }}
{%- endfor %}
        } {
            directive set /$design_top/$constant.rom -WORD_WIDTH $width
        }
{%- endif %}
        go architect
        go allocate
        go schedule
        go extract
    }
    project save
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
