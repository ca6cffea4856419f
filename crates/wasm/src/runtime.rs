//! What the standard library would bring: memory, and what a panic does.
//!
//! A panic here is a defect, and its message would reach nobody: the page sees that the module has
//! trapped, with a stack.

use core::panic::PanicInfo;

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
