#include "go_asm.h"
#include "textflag.h"

// The arguments of a tile into registers: CX depth, SI a, DX its stride, DI the
// strip, BX the bias, R8 c, R9 its stride.
#define LOADBLOCK \
	MOVQ b+0(FP), AX; \
	MOVQ block_depth(AX), CX; \
	MOVQ block_a(AX), SI; \
	MOVQ block_aStride(AX), DX; \
	MOVQ block_strip(AX), DI; \
	MOVQ block_bias(AX), BX; \
	MOVQ block_c(AX), R8; \
	MOVQ block_cStride(AX), R9

// One number of a, times a row of the strip, onto a row of sums.
#define STEP512(num, lo, hi) \
	VBROADCASTSS num, Z26; \
	VFMADD231PS Z24, Z26, lo; \
	VFMADD231PS Z25, Z26, hi

#define STORE512(lo, hi) \
	VMOVUPS lo, (R8); \
	VMOVUPS hi, 64(R8); \
	ADDQ R9, R8

// func tile12x32(b *block)
// Twelve rows; AVX-512F. Z0 to Z23 are the sums, Z24 and Z25 a row of the strip.
TEXT ·tile12x32(SB), NOSPLIT, $0-8
	LOADBLOCK
	LEAQ (DX)(DX*2), AX
	LEAQ (SI)(AX*1), R10
	LEAQ (R10)(AX*1), R11
	LEAQ (R11)(AX*1), R12
	VMOVUPS (BX), Z0
	VMOVUPS 64(BX), Z1
	VMOVAPS Z0, Z2
	VMOVAPS Z1, Z3
	VMOVAPS Z0, Z4
	VMOVAPS Z1, Z5
	VMOVAPS Z0, Z6
	VMOVAPS Z1, Z7
	VMOVAPS Z0, Z8
	VMOVAPS Z1, Z9
	VMOVAPS Z0, Z10
	VMOVAPS Z1, Z11
	VMOVAPS Z0, Z12
	VMOVAPS Z1, Z13
	VMOVAPS Z0, Z14
	VMOVAPS Z1, Z15
	VMOVAPS Z0, Z16
	VMOVAPS Z1, Z17
	VMOVAPS Z0, Z18
	VMOVAPS Z1, Z19
	VMOVAPS Z0, Z20
	VMOVAPS Z1, Z21
	VMOVAPS Z0, Z22
	VMOVAPS Z1, Z23
loop12:
	VMOVUPS (DI), Z24
	VMOVUPS 64(DI), Z25
	STEP512((SI), Z0, Z1)
	STEP512((SI)(DX*1), Z2, Z3)
	STEP512((SI)(DX*2), Z4, Z5)
	STEP512((R10), Z6, Z7)
	STEP512((R10)(DX*1), Z8, Z9)
	STEP512((R10)(DX*2), Z10, Z11)
	STEP512((R11), Z12, Z13)
	STEP512((R11)(DX*1), Z14, Z15)
	STEP512((R11)(DX*2), Z16, Z17)
	STEP512((R12), Z18, Z19)
	STEP512((R12)(DX*1), Z20, Z21)
	STEP512((R12)(DX*2), Z22, Z23)
	ADDQ $4, SI
	ADDQ $4, R10
	ADDQ $4, R11
	ADDQ $4, R12
	ADDQ $128, DI
	DECQ CX
	JNZ loop12
	STORE512(Z0, Z1)
	STORE512(Z2, Z3)
	STORE512(Z4, Z5)
	STORE512(Z6, Z7)
	STORE512(Z8, Z9)
	STORE512(Z10, Z11)
	STORE512(Z12, Z13)
	STORE512(Z14, Z15)
	STORE512(Z16, Z17)
	STORE512(Z18, Z19)
	STORE512(Z20, Z21)
	STORE512(Z22, Z23)
	VZEROUPPER
	RET

// func tile4x32(b *block)
// Four rows; AVX-512F.
TEXT ·tile4x32(SB), NOSPLIT, $0-8
	LOADBLOCK
	LEAQ (DX)(DX*2), AX
	LEAQ (SI)(AX*1), R10
	VMOVUPS (BX), Z0
	VMOVUPS 64(BX), Z1
	VMOVAPS Z0, Z2
	VMOVAPS Z1, Z3
	VMOVAPS Z0, Z4
	VMOVAPS Z1, Z5
	VMOVAPS Z0, Z6
	VMOVAPS Z1, Z7
loop4:
	VMOVUPS (DI), Z24
	VMOVUPS 64(DI), Z25
	STEP512((SI), Z0, Z1)
	STEP512((SI)(DX*1), Z2, Z3)
	STEP512((SI)(DX*2), Z4, Z5)
	STEP512((R10), Z6, Z7)
	ADDQ $4, SI
	ADDQ $4, R10
	ADDQ $128, DI
	DECQ CX
	JNZ loop4
	STORE512(Z0, Z1)
	STORE512(Z2, Z3)
	STORE512(Z4, Z5)
	STORE512(Z6, Z7)
	VZEROUPPER
	RET

// Two numbers of a, times half a row of the strip, onto two rows of sums.
#define STEP256(num1, num2, lo1, hi1, lo2, hi2) \
	VBROADCASTSS num1, Y2; \
	VBROADCASTSS num2, Y3; \
	VFMADD231PS Y0, Y2, lo1; \
	VFMADD231PS Y1, Y2, hi1; \
	VFMADD231PS Y0, Y3, lo2; \
	VFMADD231PS Y1, Y3, hi2

#define STORE256(lo, hi) \
	VMOVUPS lo, (R8); \
	VMOVUPS hi, 32(R8); \
	ADDQ R9, R8

// func tile6x32(b *block)
// Six rows, 16 columns at a time; AVX2 and FMA. Y4 to Y15 are the sums.
TEXT ·tile6x32(SB), NOSPLIT, $0-8
	LOADBLOCK
	LEAQ (DX)(DX*2), R10
	MOVQ SI, R12 // what the second half begins with
	MOVQ DI, R13
	MOVQ R8, R14
	MOVQ CX, AX
	MOVQ $2, R15
half:
	LEAQ (SI)(R10*1), R11
	VMOVUPS (BX), Y4
	VMOVUPS 32(BX), Y5
	VMOVAPS Y4, Y6
	VMOVAPS Y5, Y7
	VMOVAPS Y4, Y8
	VMOVAPS Y5, Y9
	VMOVAPS Y4, Y10
	VMOVAPS Y5, Y11
	VMOVAPS Y4, Y12
	VMOVAPS Y5, Y13
	VMOVAPS Y4, Y14
	VMOVAPS Y5, Y15
loop6:
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	STEP256((SI), (SI)(DX*1), Y4, Y5, Y6, Y7)
	STEP256((SI)(DX*2), (R11), Y8, Y9, Y10, Y11)
	STEP256((R11)(DX*1), (R11)(DX*2), Y12, Y13, Y14, Y15)
	ADDQ $4, SI
	ADDQ $4, R11
	ADDQ $128, DI
	DECQ CX
	JNZ loop6
	STORE256(Y4, Y5)
	STORE256(Y6, Y7)
	STORE256(Y8, Y9)
	STORE256(Y10, Y11)
	STORE256(Y12, Y13)
	STORE256(Y14, Y15)
	MOVQ R12, SI
	LEAQ 64(R13), DI
	LEAQ 64(R14), R8
	ADDQ $64, BX
	MOVQ AX, CX
	DECQ R15
	JNZ half
	VZEROUPPER
	RET

// exp(x) = 2^n * exp(r), n the nearest whole number to x/ln 2; exp(r) by a
// polynomial, exact to 1e-7.
DATA k<>+0(SB)/4, $0x3fb8aa3b   // 1/ln 2
DATA k<>+4(SB)/4, $0x3f318000   // ln 2, its upper part
DATA k<>+8(SB)/4, $0xb95e8083   // and its lower
DATA k<>+12(SB)/4, $0x39506967  // coefficients, from the highest
DATA k<>+16(SB)/4, $0x3ab743ce
DATA k<>+20(SB)/4, $0x3c088908
DATA k<>+24(SB)/4, $0x3d2aa9c1
DATA k<>+28(SB)/4, $0x3e2aaaaa
DATA k<>+32(SB)/4, $0x3f000000  // 0.5
DATA k<>+36(SB)/4, $0x3f800000  // 1
DATA k<>+40(SB)/4, $0x0000007f  // bias of the exponent
DATA k<>+44(SB)/4, $0xc2ae0000  // -87, below which exp(x) is taken for exp(-87)
// erf(z) = 1 - t*(a1 + t*(a2 + ...))*exp(-z*z), t = 1/(1 + p*z), for z >= 0:
// Abramowitz and Stegun 7.1.26, exact to 1.5e-7.
DATA k<>+48(SB)/4, $0x3f3504f3  // 1/sqrt 2
DATA k<>+52(SB)/4, $0x3ea7ba05  // p
DATA k<>+56(SB)/4, $0x3f87dc22  // a5
DATA k<>+60(SB)/4, $0xbfba00e3  // a4
DATA k<>+64(SB)/4, $0x3fb5f0e3  // a3
DATA k<>+68(SB)/4, $0xbe91a98e  // a2
DATA k<>+72(SB)/4, $0x3e827906  // a1
DATA k<>+76(SB)/4, $0x7fffffff  // all but the sign
DATA k<>+80(SB)/4, $0x80000000  // the sign
GLOBL k<>(SB), RODATA|NOPTR, $84

// Constants of EXP into Y4 to Y14.
#define LOADEXP \
	VBROADCASTSS k<>+4(SB), Y14; \
	VBROADCASTSS k<>+8(SB), Y13; \
	VBROADCASTSS k<>+12(SB), Y12; \
	VBROADCASTSS k<>+16(SB), Y11; \
	VBROADCASTSS k<>+20(SB), Y10; \
	VBROADCASTSS k<>+24(SB), Y9; \
	VBROADCASTSS k<>+28(SB), Y8; \
	VBROADCASTSS k<>+32(SB), Y7; \
	VBROADCASTSS k<>+36(SB), Y6; \
	VBROADCASTSS k<>+40(SB), Y5; \
	VBROADCASTSS k<>+44(SB), Y4

// Y2 = exp(Y0) for Y0 <= 0; spoils Y0 and Y1.
#define EXP \
	VMAXPS Y4, Y0, Y0; \
	VBROADCASTSS k<>+0(SB), Y1; \
	VMULPS Y1, Y0, Y1; \
	VROUNDPS $0, Y1, Y1; \
	VFNMADD231PS Y14, Y1, Y0; \
	VFNMADD231PS Y13, Y1, Y0; \
	VCVTPS2DQ Y1, Y1; \
	VPADDD Y5, Y1, Y1; \
	VPSLLD $23, Y1, Y1; \
	VMOVAPS Y12, Y2; \
	VFMADD213PS Y11, Y0, Y2; \
	VFMADD213PS Y10, Y0, Y2; \
	VFMADD213PS Y9, Y0, Y2; \
	VFMADD213PS Y8, Y0, Y2; \
	VFMADD213PS Y7, Y0, Y2; \
	VFMADD213PS Y6, Y0, Y2; \
	VFMADD213PS Y6, Y0, Y2; \
	VMULPS Y1, Y2, Y2

// func geluAVX2(x *float32, n int)
TEXT ·geluAVX2(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	SHRQ $3, CX
	JZ geludone
	LOADEXP
geluloop:
	VMOVUPS (SI), Y0
	VMULPS Y0, Y0, Y0
	VBROADCASTSS k<>+80(SB), Y1
	VORPS Y7, Y1, Y1  // -0.5
	VMULPS Y1, Y0, Y0
	EXP               // Y2 = exp(-x*x/2)
	VBROADCASTSS k<>+48(SB), Y0
	VMULPS (SI), Y0, Y0
	VBROADCASTSS k<>+76(SB), Y1
	VANDPS Y1, Y0, Y0 // z = |x|/sqrt 2
	VBROADCASTSS k<>+52(SB), Y1
	VFMADD213PS Y6, Y1, Y0
	VDIVPS Y0, Y6, Y0 // t
	VBROADCASTSS k<>+56(SB), Y1
	VBROADCASTSS k<>+60(SB), Y3
	VFMADD213PS Y3, Y0, Y1
	VBROADCASTSS k<>+64(SB), Y3
	VFMADD213PS Y3, Y0, Y1
	VBROADCASTSS k<>+68(SB), Y3
	VFMADD213PS Y3, Y0, Y1
	VBROADCASTSS k<>+72(SB), Y3
	VFMADD213PS Y3, Y0, Y1
	VMULPS Y0, Y1, Y1
	VFNMADD213PS Y6, Y2, Y1 // erf(z)
	VMOVUPS (SI), Y0
	VBROADCASTSS k<>+80(SB), Y3
	VANDPS Y3, Y0, Y3
	VORPS Y3, Y1, Y1  // erf(x/sqrt 2)
	VADDPS Y6, Y1, Y1
	VMULPS Y7, Y0, Y0
	VMULPS Y1, Y0, Y0
	VMOVUPS Y0, (SI)
	ADDQ $32, SI
	DECQ CX
	JNZ geluloop
geludone:
	VZEROUPPER
	RET

// func softmaxAVX2(x *float32, n int, scale float32)
TEXT ·softmaxAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	SHRQ $3, CX
	JZ softmaxdone
	MOVQ SI, DI
	MOVQ CX, DX
	VMOVUPS (DI), Y0
maxloop:
	VMAXPS (DI), Y0, Y0
	ADDQ $32, DI
	DECQ DX
	JNZ maxloop
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X1, X0, X0
	VPERMILPS $0x4e, X0, X1
	VMAXPS X1, X0, X0
	VPERMILPS $0xb1, X0, X1
	VMAXPS X1, X0, X0
	VBROADCASTSS X0, Y3 // the largest
	LOADEXP
	VXORPS Y15, Y15, Y15 // the sums
	MOVQ SI, DI
	MOVQ CX, DX
exploop:
	VMOVUPS (DI), Y0
	VSUBPS Y3, Y0, Y0
	VBROADCASTSS scale+16(FP), Y1
	VMULPS Y1, Y0, Y0
	EXP
	VMOVUPS Y2, (DI)
	VADDPS Y2, Y15, Y15
	ADDQ $32, DI
	DECQ DX
	JNZ exploop
	VEXTRACTF128 $1, Y15, X1
	VADDPS X1, X15, X0
	VPERMILPS $0x4e, X0, X1
	VADDPS X1, X0, X0
	VPERMILPS $0xb1, X0, X1
	VADDPS X1, X0, X0
	VDIVPS X0, X6, X0
	VBROADCASTSS X0, Y0
shareloop:
	VMULPS (SI), Y0, Y1
	VMOVUPS Y1, (SI)
	ADDQ $32, SI
	DECQ CX
	JNZ shareloop
softmaxdone:
	VZEROUPPER
	RET
