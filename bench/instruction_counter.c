/* A QEMU TCG plugin that counts how often every instruction is executed.
 *
 * Arguments: base=<address>,size=<bytes>,out=<file>. At exit one line "<address> <count>" for every
 * instruction of the range that ran. With mark=<address> besides, the same is written, and counting
 * begins anew, whenever that instruction is executed; a line "<address> 0" of it follows. With
 * sum=1 all instructions are counted as one, at <base>. QEMU emulates instructions, not pipelines:
 * these are counts of instructions, not cycles. The prototypes are those of plugin API version 1.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { INLINE_ADD_U64 = 0, NO_REGISTERS = 0 };

typedef void (*tb_translated)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*at_exit)(qemu_plugin_id_t id, void *data);
typedef void (*executed)(unsigned int vcpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_translated callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation,
                                                void *counter, uint64_t amount);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, executed callback,
                                            int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, at_exit callback, void *data);

EXPORT int qemu_plugin_version = 1;

static uint64_t base, size, mark, sum, *counts;
static char out[4096];
static FILE *file;

static void write_counts(void) {
    for (uint64_t i = 0; i < size / 2; i++) {
        if (counts[i] != 0) {
            fprintf(file, "%" PRIu64 " %" PRIu64 "\n", base + 2 * i, counts[i]);
            counts[i] = 0;
        }
    }
}

static void marked(unsigned int vcpu, void *data) {
    (void)vcpu;
    (void)data;
    write_counts();
    fprintf(file, "%" PRIu64 " 0\n", mark);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        const uint64_t address = qemu_plugin_insn_vaddr(insn);
        if (mark != 0 && address == mark) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, NO_REGISTERS, NULL);
        }
        if (address >= base && address < base + size) {
            qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64,
                                                       &counts[sum ? 0 : (address - base) / 2], 1);
        }
    }
}

static void finish(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    write_counts();
    fclose(file);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "base=", 5) == 0) {
            base = strtoull(argv[i] + 5, NULL, 0);
        } else if (strncmp(argv[i], "size=", 5) == 0) {
            size = strtoull(argv[i] + 5, NULL, 0);
        } else if (strncmp(argv[i], "mark=", 5) == 0) {
            mark = strtoull(argv[i] + 5, NULL, 0);
        } else if (strncmp(argv[i], "sum=", 4) == 0) {
            sum = strtoull(argv[i] + 4, NULL, 0);
        } else if (strncmp(argv[i], "out=", 4) == 0) {
            snprintf(out, sizeof out, "%s", argv[i] + 4);
        }
    }
    counts = calloc(size / 2 + 1, sizeof *counts);
    file = out[0] == 0 ? NULL : fopen(out, "w");
    if (counts == NULL || file == NULL) {
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
