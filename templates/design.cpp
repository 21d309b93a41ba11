// {{ design.name }}: kernels and the top function.
#include "{{ design.name }}.h"
{%- for header in source_headers %}

#include <{{ header }}>
{%- endfor %}
{% for constant in design.constants %}
#include "weights/{{ constant.name }}.h"
{%- endfor %}
{% for helper in helpers %}
{{ helper }}
{% endfor %}
{%- for kernel in kernels %}
{{ kernel }}
{% endfor %}
{%- for process in processes %}
{{ process }}
{% endfor %}
{{ top }}
