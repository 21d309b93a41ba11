// {{ design.name }}: the top function.
#ifndef {{ guard }}
#define {{ guard }}

#include "defines.h"

{% for line in ports -%}
// {{ line }}
{% endfor -%}
{{ signature }};

#endif
