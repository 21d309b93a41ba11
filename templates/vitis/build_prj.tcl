# Builds {{ design.name }} with Vitis HLS:
#   vitis-run --mode hls --tcl build_prj.tcl    (2024.1 and later)
#   vitis_hls -f build_prj.tcl                  (before)
# C simulation and co-simulation fail on any difference from the expected outputs. A step that fails
# ends the script with exit code 1.

# The steps to run: 1 or 0. Words name=value in ::argv override them.
array set opt {
    reset  0
    csim   1
    synth  1
    cosim  1
    export 0
}

set project_name      {{ design.name }}
set part              {{ design.options.part }}
set clock_period      {{ design.options.clock_period }}
set clock_uncertainty {{ uncertainty }}
# NDEBUG: an assertion of ap_fixed.h stops at casts that drop more bits than there are, although
# their results are right.
set cflags            "-std=c++14 -DNDEBUG"

{% include "options.tcl" %}

step "project" {
    cd [file dirname [file normalize [info script]]]
    if {$opt(reset)} {
        open_project -reset ${project_name}_prj
    } else {
        open_project ${project_name}_prj
    }
    set_top $project_name
    add_files firmware/${project_name}.cpp -cflags $cflags
    add_files -tb ${project_name}_test.cpp -cflags $cflags
    add_files -tb tb_data

    if {$opt(reset)} {
        open_solution -reset solution1
    } else {
        open_solution solution1
    }
    set_part $part
    create_clock -period $clock_period -name default
    set_clock_uncertainty $clock_uncertainty default
    # Releases differ in whether they have this limit and let a script set it.
    catch {config_array_partition -maximum_size 4096}
    config_compile -name_max_length 80
}

if {$opt(csim)} {
    step "C simulation" {csim_design}
}
if {$opt(synth)} {
    step "C synthesis" {csynth_design}
}
if {$opt(cosim)} {
    step "RTL co-simulation" {cosim_design}
}
if {$opt(export)} {
    step "IP export" {export_design -format ip_catalog -display_name $project_name}
}

exit 0
