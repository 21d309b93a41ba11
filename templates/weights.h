// {{ layer }}: {{ holds }}, {{ shape }}.
// LSB {{ step }}, from {{ low }} to {{ high }}, {{ zeros }} of {{ count }} are zero.
#ifndef {{ guard }}
#define {{ guard }}

#include "../defines.h"
{%- if plain %}
#include "constants.h"

#ifdef __SYNTHESIS__
static const {{ type_name }} {{ name }}[{{ size }}] = {
#else
static const bitkiln::Constants<{{ type_name }}, {{ size }}> {{ name }} = {
#endif
{%- else %}

static const {{ type_name }} {{ name }}[{{ size }}] = {
{%- endif %}
{%- for line in lines %}
    {{ line }}
{%- endfor %}
};

#endif
