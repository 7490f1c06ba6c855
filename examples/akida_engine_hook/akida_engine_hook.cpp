// The driver hook of an exported network, filled by BrainChip's engine library.
//
// The engine library is not part of akrt: `akida engine deploy` writes its sources, and the board
// supplies a HardwareDriver for its bus. Write the program with `akrt program MODEL -o
// program.bin`, export with `akrt export MODEL --program program.bin`, and compile this file beside
// the export. The name of the export is ds_cnn_kws here.
#include <cstring>
#include <exception>
#include <utility>

#include "akida/dense.h"
#include "akida/hardware_device.h"
#include "akida/tensor.h"

#include "ds_cnn_kws_chip.h"

namespace {

struct Board {
    akida::HardwareDriver *driver; // of the bus that the chip sits on; nullptr: there is no chip
    akida::HardwareDevicePtr device;
};

int run_on_chip(void *board_pointer, const uint8_t *program, size_t program_bytes,
                const uint8_t *input, int32_t *output) {
    auto *board = static_cast<Board *>(board_pointer);
    if (board->driver == nullptr) {
        return -1;
    }
    try {
        if (!board->device) {
            board->device = akida::HardwareDevice::create(board->driver);
            board->device->program(program, program_bytes);
        }
        const akida::Shape shape{49, 10, 1};
        akida::TensorConstPtr tensor = akida::Dense::create_view(
            reinterpret_cast<const char *>(input), akida::TensorType::uint8, shape,
            akida::Dense::Layout::RowMajor);
        auto results = board->device->forward({tensor});
        const auto potentials =
            akida::Tensor::ensure_dense(akida::TensorConstPtr(std::move(results.at(0))));
        if (!potentials || potentials->size() != DS_CNN_KWS_OUTPUTS) {
            return -2;
        }
        std::memcpy(output, potentials->data<int32_t>(), DS_CNN_KWS_OUTPUTS * sizeof *output);
        return 0;
    } catch (const std::exception &) {
        board->device.reset(); // the next call programs the chip afresh
        return -3;
    }
}

} // namespace

// What an application writes.
int classify(akida::HardwareDriver *driver, const uint8_t *features) {
    static Board board{driver, nullptr};
    static uint32_t arena[DS_CNN_KWS_ARENA_BYTES / 4];
    const ds_cnn_kws_chip chip{run_on_chip, &board};
    int32_t output[DS_CNN_KWS_OUTPUTS];
    if (ds_cnn_kws_infer(&chip, features, output, arena) < 0) {
        return -1;
    }
    return ds_cnn_kws_predict_class(output);
}
