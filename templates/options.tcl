if {[info exists ::argv]} {
    foreach {word name value} [regexp -all -inline {(?:^|\s)(\w+)=(\S*)} [join $::argv]] {
        if {![info exists opt($name)] || ![string is boolean -strict $value]} {
            puts "ERROR: no option '[string trim $word]': the options are [lsort [array names opt]], 1 or 0 each"
            exit 1
        }
        set opt($name) [string is true $value]
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
