// {{ layer }}: {{ constant.holds }}, {{ shape }}.
// LSB 2^{{ lsb }}, {% if constant.codes.len() == 1 %}{{ range.0 }}{% else %}from {{ range.0 }} to {{ range.1 }}, {{ zeros }} of {{ constant.codes.len() }} {% if zeros == 1 %}is{% else %}are{% endif %} zero{% endif %}.
#ifndef {{ guard }}
#define {{ guard }}

#include "../defines.h"
{%- if plain %}
#include "constants.h"

#ifdef __SYNTHESIS__
static const {{ design[constant.element].name }} {{ constant.name }}[{{ size }}] = {
#else
static const bitkiln::Constants<{{ design[constant.element].name }}, {{ size }}> {{ constant.name }} = {
#endif
{%- else %}

static const {{ design[constant.element].name }} {{ constant.name }}[{{ size }}] = {
{%- endif %}
{%- for line in lines %}
    {{ line }}
{%- endfor %}
};

#endif
