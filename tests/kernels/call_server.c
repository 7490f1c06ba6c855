/* Runs functions of src_c in a process of its own, for tests under an emulator.
 *
 * Standard input, all integers little-endian 64-bit:
 *   name length, name; count of buffers, their sizes; for each buffer its bytes, the count of
 *   pointers in it, and for each its offset and the buffer it shall point to; count of arguments;
 *   each: 0 and a value, or 1 and a buffer.
 * Standard output: the returned value, then all buffers' bytes.
 * The name is a function, or <arch>:<kernel> of the list kernels.inc. Every buffer ends where its
 * memory does: a read or write beyond it is a fault.
 *
 * Calls pass integers and pointers in registers or 8-byte slots, as AAPCS64 and the System V ABI
 * for x86-64 do; a callee takes the lower part of each that its type needs. */
#define _DEFAULT_SOURCE /* mmap */
#include "akrt/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, MOST_BUFFERS = 256, MOST_ARGUMENTS = 10 };

typedef void (*function)(void);
typedef int64_t (*call)(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t,
                        int64_t, int64_t);
typedef struct buffer {
    uint8_t *bytes, *pages;
    size_t size, mapped;
} buffer;

static void fail(const char *why) {
    fprintf(stderr, "call_server: %s\n", why);
    exit(1);
}

static void receive(void *to, size_t size) {
    if (size > 0 && fread(to, 1, size, stdin) != size) {
        fail("the request ends early");
    }
}

static int64_t receive_int(void) {
    int64_t value;
    receive(&value, sizeof value);
    return value;
}

/* The name of an architecture, and all of its akrt_arch. */
static void describe(const akrt_arch *arch, char *name, void *facts) {
    strncpy(name, arch->name, 15);
    memcpy(facts, arch, sizeof *arch);
}

static void prepare_and_run(const akrt_network *network, const uint8_t *input, int32_t samples,
                            void *output, void *memory, void *arena, const akrt_arch *arch) {
    akrt_network prepared = *network;
    const size_t bytes = (size_t)network->count * sizeof *network->nodes;
    akrt_node *nodes = malloc(bytes);
    if (nodes == NULL) {
        fail("no memory");
    }
    memcpy(nodes, network->nodes, bytes);
    prepared.nodes = nodes;
    for (int32_t i = 0; i < network->count; i++) {
        nodes[i].layer.kernels = arch->kernels;
        akrt_layer_prepare(&nodes[i].layer);
    }
    akrt_network_run(&prepared, input, samples, output, memory, arena);
    free(nodes);
}

static function find(const char *name) {
    static const struct {
        const char *name;
        function address;
    } plain[] = {
        {"akrt_arch_at", (function)akrt_arch_at},
        {"describe", (function)describe},
        {"akrt_arch_usable", (function)akrt_arch_usable},
        {"prepare_and_run", (function)prepare_and_run},
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (strcmp(name, plain[i].name) == 0) {
            return plain[i].address;
        }
    }
    for (int32_t i = 0; akrt_arch_at(i) != NULL; i++) {
        const akrt_arch *arch = akrt_arch_at(i);
        const size_t length = strlen(arch->name);
        if (strncmp(name, arch->name, length) == 0 && name[length] == ':') {
            const char *kernel = name + length + 1;
#define AKRT_KERNEL(stem, arguments)                                                               \
    if (strcmp(kernel, #stem) == 0) {                                                              \
        return (function)arch->kernels->stem;                                                      \
    }
#include "akrt/kernels.inc"
#undef AKRT_KERNEL
        }
    }
    fail(name);
    return NULL;
}

static buffer receive_buffer(void) {
    buffer b;
    b.size = (size_t)receive_int();
    b.mapped = (b.size + PAGE - 1) / PAGE * PAGE + PAGE;
    b.pages = mmap(NULL, b.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b.pages == MAP_FAILED || mprotect(b.pages + b.mapped - PAGE, PAGE, PROT_NONE) != 0) {
        fail("no memory");
    }
    b.bytes = b.pages + (b.mapped - PAGE - b.size);
    return b;
}

static void serve(void) {
    static buffer buffers[MOST_BUFFERS];
    char name[64] = {0};
    const int64_t length = receive_int();
    if (length < 0 || length >= (int64_t)sizeof name) {
        fail("a name too long");
    }
    receive(name, (size_t)length);
    const function target = find(name);
    const int64_t count = receive_int();
    if (count < 0 || count > MOST_BUFFERS) {
        fail("too many buffers");
    }
    for (int64_t i = 0; i < count; i++) {
        buffers[i] = receive_buffer();
    }
    for (int64_t i = 0; i < count; i++) {
        receive(buffers[i].bytes, buffers[i].size);
        for (int64_t left = receive_int(); left > 0; left--) {
            const size_t offset = (size_t)receive_int();
            uint8_t *const address = buffers[receive_int()].bytes;
            memcpy(buffers[i].bytes + offset, &address, sizeof address);
        }
    }
    int64_t a[MOST_ARGUMENTS] = {0};
    const int64_t arguments = receive_int();
    if (arguments < 0 || arguments > MOST_ARGUMENTS) {
        fail("too many arguments");
    }
    for (int64_t i = 0; i < arguments; i++) {
        const int64_t is_buffer = receive_int();
        a[i] = receive_int();
        if (is_buffer) {
            a[i] = (int64_t)(intptr_t)buffers[a[i]].bytes;
        }
    }
    const int64_t value =
        ((call)target)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9]);
    fwrite(&value, sizeof value, 1, stdout);
    for (int64_t i = 0; i < count; i++) {
        fwrite(buffers[i].bytes, 1, buffers[i].size, stdout);
        munmap(buffers[i].pages, buffers[i].mapped);
    }
    fflush(stdout);
}

int main(void) {
    for (int c = getchar(); c != EOF; c = getchar()) {
        ungetc(c, stdin);
        serve();
    }
    return 0;
}
