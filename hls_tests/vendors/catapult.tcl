# Stand-in for Catapult's Tcl shell. env(LIBRARY) is the library of every AMD part, empty for none;
# env(LIBRARY_PATH) is where Catapult's tables list it. env(PROJECT) is a project of an earlier run.

source [file join [file dirname [info script]] common.tcl]
set stages {new analyze compile libraries assembly architect allocate schedule extract}
set stage ""

proc options_set {command key value} {
    set known {
        Input/CppStandard {c++11 c++14 c++17} Output/OutputVerilog {true false} Output/OutputVHDL {true false}
        Input/CompilerFlags any Input/SearchPath any Architectural/DefaultRegisterThreshold number
        Architectural/DefaultMemMapThreshold number
    }
    if {![dict exists $known $key]} {
        error "$command: no option is called '$key'"
    }
    check "$command $key" [dict get $known $key] $value
}

# The shell has a command of this name for menus; scripts use `options set`.
rename options command_options
proc options {command args} {
    if {$command ne "set" || [llength $args] != 2} {
        return [command_options $command {*}$args]
    }
    options_set "options set" {*}$args
    called options set {*}$args
}

proc project {verb args} {
    switch -- $verb {
        new { count "project new" [command_options "project new" {-name any -dir any} $args] 0 }
        load {
            count "project load" $args 1
            check "project load" path [lindex $args 0]
        }
        save { count "project save" $args 0 }
        default { error "project has no verb '$verb'" }
    }
    called project $verb {*}$args
    lappend ::states project
    if {$verb eq "new"} {
        set ::stage new
    }
}

proc go {stage} {
    after go project
    set at [lsearch -exact $::stages $stage]
    if {$at < 0} {
        error "go: no stage is called '$stage'"
    }
    if {$stage ne "new" && $at != [lsearch -exact $::stages $::stage] + 1} {
        error "go $stage: the design is at '$::stage'"
    }
    if {$stage eq "analyze"} {
        after "go analyze" source
    } elseif {$stage eq "libraries"} {
        after "go libraries" library
    } elseif {$stage eq "assembly"} {
        after "go assembly" clocks
    }
    called go $stage
    set ::stage $stage
}

proc at_least {command stage} {
    if {[lsearch -exact $::stages $::stage] < [lsearch -exact $::stages $stage]} {
        error "$command needs the stage '$stage', the design is at '$::stage'"
    }
}

proc flow {verb args} {
    after flow project
    switch -- $verb {
        package {
            switch -- [lindex $args 0] {
                require { check "flow package require" {/SCVerify /Vivado} [lindex $args 1] }
                option {
                    lassign $args option set key value
                    check "flow package option" set $set
                    check "flow package option set" {/SCVerify/INVOKE_ARGS /SCVerify/USE_CCS_BLOCK} $key
                    if {$key eq "/SCVerify/INVOKE_ARGS"} {
                        check $key path $value
                    }
                }
                default { error "flow package has no verb '[lindex $args 0]'" }
            }
        }
        run {
            lassign $args flow makefile flags tool target
            count "flow run" $args 5
            check "flow run" /SCVerify/launch_make $flow
            check "flow run's target" {sim simgui build} $target
            switch -- $makefile {
                ./scverify/Verify_orig_cxx_osci.mk {
                    at_least "C simulation" compile
                    check "flow run's tool" SIMTOOL=osci $tool
                }
                ./scverify/Verify_rtl_v_msim.mk - ./scverify/Verify_rtl_vhdl_msim.mk {
                    at_least "co-simulation" extract
                    check "flow run's tool" SIMTOOL=msim $tool
                }
                default { error "flow run: nothing writes '$makefile'" }
            }
        }
        default { error "flow has no verb '$verb'" }
    }
    called flow $verb {*}$args
}

proc solution {noun args} {
    after solution project
    switch -- $noun {
        file {
            set file [command_options "solution file add" {-exclude {true false} -type any} [lrange $args 1 end]]
            check "solution file" add [lindex $args 0]
            count "solution file add" $file 1
            check "solution file add" path [lindex $file 0]
            lappend ::states [expr {"-exclude" in $args ? "testbench" : "source"}]
        }
        options {
            count "solution options" $args 3
            check "solution options" set [lindex $args 0]
            options_set "solution options set" {*}[lrange $args 1 end]
        }
        library {
            check "solution library" add [lindex $args 0]
            at_least "solution library add" compile
            check "solution library add" any [lindex $args 1]
            if {[llength $args] > 2} {
                check "solution library add" -- [lindex $args 2]
                set known {
                    -rtlsyntool {Vivado DesignCompiler OasysRTL} -vendor any -family any -speed any
                    -part any -technology any -manufacturer any
                }
                # A speed grade such as -2 is a value.
                foreach {key value} [lrange $args 3 end] {
                    if {![dict exists $known $key]} {
                        error "solution library add has no option '$key'"
                    }
                    check "solution library add $key" [dict get $known $key] $value
                }
            }
            lappend ::states library
        }
        default { error "solution has no '$noun'" }
    }
    called solution $noun {*}$args
}

proc library {verb args} {
    check library get $verb
    at_least "library get" compile
    count "library get" [command_options "library get" {-match {glob exact} -ret {v p}} $args] 1
    called library get {*}$args
    if {$::env(LIBRARY) eq ""} {
        return {}
    }
    return [list [expr {[lindex $args end] eq "v" ? $::env(LIBRARY) : $::env(LIBRARY_PATH)}]]
}

proc directive {verb args} {
    check directive set $verb
    set path ""
    if {[string match /* [lindex $args 0]]} {
        set args [lassign $args path]
    }
    count "directive set" $args 2
    lassign $args key value
    if {$path ne ""} {
        at_least "directive set $path" assembly
        # A block, its process `core`, a constant, an array or a channel.
        if {![regexp {^/\w+(/\w+)?(/core)?/\w+(\.rom)?(:rsc|:cns)?$} $path]} {
            error "directive set: '$path' is no path"
        }
        check "directive set" {-INTERLEAVE -WORD_WIDTH -MAP_TO_MODULE -FIFO_DEPTH} $key
        if {($key eq "-FIFO_DEPTH") != [string match *:cns $path]} {
            error "directive set $key: '$path' is [expr {[string match *:cns $path] ? "a channel" : "no channel"}]"
        }
        if {$key ne "-FIFO_DEPTH" && ($key eq "-WORD_WIDTH") == [string match *:rsc $path]} {
            error "directive set $key: '$path' is [expr {[string match *:rsc $path] ? "a resource" : "no resource"}]"
        }
        if {$key ne "-MAP_TO_MODULE"} {
            check "directive set $key" number $value
        } elseif {![string match ccs_ioport.* $value]} {
            check "directive set $key" {Xilinx_RAMS.BLOCK_1R1W_RBW} $value
        }
    } elseif {$key eq "-CLOCKS"} {
        at_least "directive set -CLOCKS" libraries
        clocks $value
        lappend ::states clocks
    } else {
        check "directive set" {-RESET_CLEARS_ALL_REGS} $key
        check "directive set $key" {yes no} $value
    }
    called directive set {*}$path {*}$args
}

proc ignore_memory_precedences {args} {
    if {$::stage ne "architect"} {
        error "ignore_memory_precedences needs the stage 'architect', the design is at '$::stage'"
    }
    lassign $args from written to read
    count "ignore_memory_precedences" $args 4
    if {$from ne "-from" || $to ne "-to"} {
        error "ignore_memory_precedences takes -from and -to"
    }
    if {![string match "\\*write_mem(*" $written] || ![string match "\\*read_mem(*" $read]} {
        error "ignore_memory_precedences: from a write of a memory to a read"
    }
    called ignore_memory_precedences {*}$args
}

proc clocks {clocks} {
    foreach {name settings} $clocks {
        check "the clock's name" clk $name
        set known {
            -CLOCK_PERIOD number -CLOCK_EDGE {rising falling} -CLOCK_OFFSET {0.0} -CLOCK_UNCERTAINTY number
            -CLOCK_HIGH_TIME number -RESET_KIND {sync async} -RESET_SYNC_NAME any -RESET_SYNC_ACTIVE {high low}
            -RESET_ASYNC_NAME any -RESET_ASYNC_ACTIVE {high low} -ENABLE_NAME {{}} -ENABLE_ACTIVE {high low}
        }
        foreach {key value} $settings {
            if {![dict exists $known $key]} {
                error "a clock has no '$key'"
            }
            if {$key ne "-CLOCK_UNCERTAINTY" || $value != 0} {
                check "the clock's $key" [dict get $known $key] $value
            }
        }
        if {[dict get $settings -CLOCK_UNCERTAINTY] >= [dict get $settings -CLOCK_PERIOD]} {
            error "the clock's uncertainty is its period"
        }
    }
}

if {[info exists ::env(PROJECT)]} {
    close [open ${::env(PROJECT)}_prj.ccs w]
}
run_script
