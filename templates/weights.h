// {{ layer }}: {{ holds }}, {{ shape }}.
// Steps of {{ step }}, from {{ low }} to {{ high }}, {{ zeros }} of {{ count }} are zero.
#ifndef {{ guard }}
#define {{ guard }}

#include "../defines.h"

static const {{ type_name }} {{ name }}[{{ size }}] = {
{%- for line in lines %}
    {{ line }}
{%- endfor %}
};

#endif
