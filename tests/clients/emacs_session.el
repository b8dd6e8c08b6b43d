;;; Opens a file in a batch Emacs under eglot with `lintorch lsp`, and writes what the editor shows and does to the file $OUT as JSON.  -*- lexical-binding: t -*-
(require 'package)
(package-initialize)
(require 'eglot)
(require 'json)
(setq eglot-sync-connect 60 eglot-connect-timeout 60 eglot-autoshutdown nil eglot-confirm-server-initiated-edits nil eglot-send-changes-idle-time 0.1
      jsonrpc-default-request-timeout 120 ; as docs/editors/emacs.md has it
      create-lockfiles nil make-backup-files nil)
(add-to-list 'eglot-server-programs (cons 'python-mode (append (json-parse-string (getenv "SERVER") :array-type 'list) nil)))

(defvar seen nil)
(defun note (name value) (push (cons name value) seen))
(defun finish () (with-temp-file (getenv "OUT") (insert (json-encode (reverse seen)))))
(defun wait-for (what holds)
  (let ((tries 600))
    (while (and (> tries 0) (not (funcall holds)))
      (accept-process-output nil 0.1)
      (setq tries (1- tries)))
    (when (= tries 0) (note 'failed what) (finish) (kill-emacs 1))))

(defun shown ()
  (flymake-start)
  (mapcar (lambda (one) (vector (flymake-diagnostic-text one) (line-number-at-pos (flymake-diagnostic-beg one)))) (flymake-diagnostics)))

(defvar said nil)
(advice-add 'message :before (lambda (form &rest more) (when form (push (apply #'format-message form more) said))))

(find-file (getenv "FILE"))
(python-mode)
(call-interactively #'eglot)
(wait-for "diagnostics" (lambda () (= (length (shown)) 1)))
(note 'diagnostics (vconcat (shown)))

;; Typing, unsaved: one line above moves the finding.
(goto-char (point-min))
(defvar told 0)
(advice-add 'eglot-handle-notification :after (lambda (_server method &rest _) (when (eq method 'textDocument/publishDiagnostics) (setq told (1+ told)))))
(insert "# 𝄞\n")
(eglot--signal-textDocument/didChange) ; a timer does it once the user pauses, which never happens in batch mode
(wait-for "moved diagnostics" (lambda () (> told 0)))
(note 'moved (vconcat (shown)))

(goto-char (point-min))
(forward-line 11)
(back-to-indentation)
(let* ((server (eglot-current-server))
       (hover (jsonrpc-request server :textDocument/hover (eglot--TextDocumentPositionParams)))
       (place (eglot--pos-to-lsp-position))
       (actions (jsonrpc-request server :textDocument/codeAction
                                 `(:textDocument ,(eglot--TextDocumentIdentifier) :range (:start ,place :end ,place) :context (:diagnostics [])))))
  (note 'hover (plist-get (plist-get hover :contents) :value))
  (note 'titles (vconcat (mapcar (lambda (action) (plist-get action :title)) actions)))
  (eglot-execute-command server (intern (plist-get (plist-get (elt actions 0) :command) :command))
                         (plist-get (plist-get (elt actions 0) :command) :arguments)))
(wait-for "the edit" (lambda () (string-match-p "return self.layer(x)" (buffer-string))))
(eglot--signal-textDocument/didChange)
(wait-for "no diagnostics" (lambda () (null (shown))))
(note 'said (vconcat (seq-filter (lambda (text) (string-match-p "same-trace" text)) said)))
(save-buffer)
(finish)
(kill-emacs 0)
