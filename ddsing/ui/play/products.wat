;; Products of a matrix and a vector, four numbers at once: what most of a decoder's work is.
;; `make wasm` makes products.wasm of it; products.js calls it.
(module
  (import "products" "memory" (memory 1))

  ;; The sums of four vectors' numbers, one after the other.
  (func $sums (param $a v128) (param $b v128) (param $c v128) (param $d v128) (result v128)
    (local $ab v128) (local $cd v128)
    (local.set $ab (f32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $a) (local.get $b))
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $a) (local.get $b))))
    (local.set $cd (f32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $c) (local.get $d))
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $c) (local.get $d))))
    (f32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $ab) (local.get $cd))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $ab) (local.get $cd))))

  ;; y = rows · x + bias. All are addresses of 32-bit floats; $nIn is a multiple of 4, $nOut of 8. Eight rows lie together, so that they are
  ;; read as they lie: four numbers of each, then the next four of each.
  (func (export "dense") (param $y i32) (param $rows i32) (param $bias i32) (param $x i32) (param $nIn i32) (param $nOut i32)
    (local $end i32) (local $at i32) (local $stop i32) (local $value v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local $s4 v128) (local $s5 v128) (local $s6 v128) (local $s7 v128)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $nOut) (i32.const 2))))
    (local.set $stop (i32.add (local.get $x) (i32.shl (local.get $nIn) (i32.const 2))))
    (block $done
      (loop $outputs ;; eight at once
        (br_if $done (i32.ge_u (local.get $y) (local.get $end)))
        (local.set $s0 (v128.const i32x4 0 0 0 0))
        (local.set $s1 (local.get $s0))
        (local.set $s2 (local.get $s0))
        (local.set $s3 (local.get $s0))
        (local.set $s4 (local.get $s0))
        (local.set $s5 (local.get $s0))
        (local.set $s6 (local.get $s0))
        (local.set $s7 (local.get $s0))
        (local.set $at (local.get $x))
        (loop $inputs ;; four at once
          (local.set $value (v128.load (local.get $at)))
          (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (v128.load (local.get $rows)) (local.get $value))))
          (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (v128.load offset=16 (local.get $rows)) (local.get $value))))
          (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (v128.load offset=32 (local.get $rows)) (local.get $value))))
          (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (v128.load offset=48 (local.get $rows)) (local.get $value))))
          (local.set $s4 (f32x4.add (local.get $s4) (f32x4.mul (v128.load offset=64 (local.get $rows)) (local.get $value))))
          (local.set $s5 (f32x4.add (local.get $s5) (f32x4.mul (v128.load offset=80 (local.get $rows)) (local.get $value))))
          (local.set $s6 (f32x4.add (local.get $s6) (f32x4.mul (v128.load offset=96 (local.get $rows)) (local.get $value))))
          (local.set $s7 (f32x4.add (local.get $s7) (f32x4.mul (v128.load offset=112 (local.get $rows)) (local.get $value))))
          (local.set $rows (i32.add (local.get $rows) (i32.const 128)))
          (br_if $inputs (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $stop))))
        (v128.store (local.get $y) (f32x4.add (v128.load (local.get $bias))
          (call $sums (local.get $s0) (local.get $s1) (local.get $s2) (local.get $s3))))
        (v128.store offset=16 (local.get $y) (f32x4.add (v128.load offset=16 (local.get $bias))
          (call $sums (local.get $s4) (local.get $s5) (local.get $s6) (local.get $s7))))
        (local.set $y (i32.add (local.get $y) (i32.const 32)))
        (local.set $bias (i32.add (local.get $bias) (i32.const 32)))
        (br $outputs)))))
