#include "core/kernel_table.tmpl.h"
