# Stand-in for the Tcl shell of Vitis HLS: the commands of UG1399 that build_prj.tcl may use.
# env(SYNTHESISED) says that an earlier run left synthesis results in the solution.

source [file join [file dirname [info script]] common.tcl]

proc open_project {args} {
    count open_project [options open_project {-reset {} -upgrade {}} $args] 1
    called open_project {*}$args
    lappend ::states project
}

proc set_top {args} {
    after set_top project
    count set_top $args 1
    called set_top {*}$args
    lappend ::states top
}

proc add_files {args} {
    after add_files project
    set known {-tb {} -cflags any -csimflags any -blackbox path}
    set files [options add_files $known $args]
    count add_files $files 1
    check add_files path [lindex $files 0]
    called add_files {*}$args
    lappend ::states [expr {"-tb" in $args ? "testbench" : "source"}]
}

proc open_solution {args} {
    after open_solution project
    set known {-reset {} -flow_target {vivado vitis}}
    count open_solution [options open_solution $known $args] 1
    called open_solution {*}$args
    lappend ::states solution
}

proc set_part {args} {
    after set_part solution
    count set_part $args 1
    if {![regexp {^[a-z0-9]+(-[a-zA-Z0-9]+)+$} [lindex $args 0]]} {
        error "set_part: no part is called '[lindex $args 0]'"
    }
    called set_part {*}$args
    lappend ::states part
}

proc create_clock {args} {
    after create_clock solution
    count create_clock [options create_clock {-period number -name any} $args] 0
    called create_clock {*}$args
    lappend ::states clock
}

proc set_clock_uncertainty {args} {
    after set_clock_uncertainty clock
    if {[llength $args] ni {1 2}} {
        error "set_clock_uncertainty takes a value and a clock, not '$args'"
    }
    check set_clock_uncertainty number [string trimright [lindex $args 0] %]
    called set_clock_uncertainty {*}$args
}

proc config_array_partition {args} {
    after config_array_partition solution
    set known {-maximum_size number -complete_threshold number -throughput_driven {auto off}}
    count config_array_partition [options config_array_partition $known $args] 0
    called config_array_partition {*}$args
}

proc config_compile {args} {
    after config_compile solution
    set known {
        -name_max_length number -no_signed_zeros {} -pipeline_loops number -unsafe_math_optimizations {}
        -pipeline_style {stp frp flp} -ignore_long_run_time {} -enable_auto_rewind {true false}
    }
    count config_compile [options config_compile $known $args] 0
    called config_compile {*}$args
}

proc csim_design {args} {
    foreach state {solution part source testbench} {
        after csim_design $state
    }
    set known {-O {} -argv any -clean {} -compiled_library_dir path -ldflags any -mflags any -profile {} -setup {}}
    count csim_design [options csim_design $known $args] 0
    called csim_design {*}$args
}

proc csynth_design {args} {
    foreach state {solution part clock source top} {
        after csynth_design $state
    }
    count csynth_design [options csynth_design {-dump_cfg {} -dump_post_cfg {} -synthesis_check {}} $args] 0
    called csynth_design {*}$args
    lappend ::states synthesis
}

proc cosim_design {args} {
    after cosim_design synthesis
    after cosim_design testbench
    set known {
        -O {} -argv any -coverage {} -disable_deadlock_detection {} -enable_dataflow_profiling {} -ldflags any
        -mflags any -random_stall {} -rtl {verilog vhdl} -setup {} -tool {auto vcs modelsim riviera isim xsim xcelium}
        -trace_level {none all port port_hier} -wave_debug {}
    }
    count cosim_design [options cosim_design $known $args] 0
    called cosim_design {*}$args
}

proc export_design {args} {
    after export_design synthesis
    set known {
        -description any -display_name any -flow {syn impl none} -format {ip_catalog xo syn_dcp sysgen} -ipname any
        -library any -output any -rtl {verilog vhdl} -taxonomy any -vendor any -version any
    }
    count export_design [options export_design $known $args] 0
    called export_design {*}$args
}

if {[info exists ::env(SYNTHESISED)]} {
    lappend states synthesis
}
run_script
