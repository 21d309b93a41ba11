# What the stand-ins for the vendors' Tcl shells share. A command checks its arguments, prints
# itself as a line CALL, and does nothing else; the command that env(FAIL) begins with fails.

# Prints a call, and fails if it is the one that shall.
proc called {args} {
    puts "CALL [join $args]"
    if {[info exists ::env(FAIL)] && [string match "$::env(FAIL)*" [join $args]]} {
        error "[lindex $args 0] fails"
    }
}

# Splits the arguments of a command into options and the rest. `known` maps each option to the values
# that it takes: nothing for a flag, `any`, `number`, `path`, or a list of words.
proc options {command known arguments} {
    set rest {}
    for {set n 0} {$n < [llength $arguments]} {incr n} {
        set word [lindex $arguments $n]
        if {![string match -* $word] || [string is double -strict $word]} {
            lappend rest $word
            continue
        }
        if {![dict exists $known $word]} {
            error "$command has no option '$word'"
        }
        set values [dict get $known $word]
        if {$values ne {}} {
            incr n
            if {$n >= [llength $arguments]} {
                error "$command: '$word' needs a value"
            }
            check "$command $word" $values [lindex $arguments $n]
        }
    }
    return $rest
}

proc check {what values value} {
    switch -- $values {
        any { set good [expr {$value ne ""}] }
        number { set good [expr {[string is double -strict $value] && $value > 0}] }
        path { set good [file exists $value] }
        default { set good [expr {$value in $values}] }
    }
    if {!$good} {
        error "$what cannot be '$value'"
    }
}

proc count {command arguments count} {
    if {[llength $arguments] != $count} {
        error "$command takes $count words, not '$arguments'"
    }
}

proc after {command state} {
    if {$state ni $::states} {
        error "$command comes before $state"
    }
}

set states {}

# Runs the script that the first argument names, with the other arguments.
proc run_script {} {
    set script [lindex $::argv 0]
    set ::argv [lrange $::argv 1 end]
    set ::argc [llength $::argv]
    if {[catch {uplevel #0 [list source $script]} message]} {
        puts "UNCAUGHT $message"
        exit 2
    }
    puts "NO EXIT"
    exit 3
}
